"""Outbound messages: `POST /messages`, beside an empty view and beside HMAC + parse + INSERT."""

import json

from benchmarks.http_load import Client, granian, per_second
from benchmarks.report import Figure, show
from benchmarks.servers import benchmark_servers

BUSINESSES = 20


def main() -> None:
    """Measure and print; clients and server share the machine, also for the limits."""
    import os

    with benchmark_servers() as servers, granian(os.environ["PARLEY_VAR"], servers) as port:
        senders = _senders()
        body = json.dumps(
            {"messaging_product": "whatsapp", "to": "14155550100", "text": {"body": "Hello " * 10}}
        ).encode()

        def send(client: Client, n: int) -> int:
            number, key = senders[n % BUSINESSES]
            to = f"1415{n % 5_000_000 + 2_000_000:07}"
            message = {
                "messaging_product": "whatsapp",
                "to": to,
                "type": "template",
                "template": {"name": "hello", "language": {"code": "en_US"}},
            }
            headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
            return client.post(f"/v23.0/{number}/messages", json.dumps(message).encode(), headers)

        ours = per_second(port, send)
        empty = per_second(port, lambda client, n: client.get("/bench/empty"))
        plain = per_second(port, lambda client, n: client.post("/bench/plain", body, {}))
    show(
        f"Outbound, {BUSINESSES} businesses, template to a new customer each",
        [
            Figure("outbound", "POST /messages beside an empty view", ours, empty, "requests/s"),
            Figure(
                "outbound", "POST /messages beside HMAC + parse + INSERT", ours, plain, "requests/s"
            ),
        ],
    )


def _senders() -> list[tuple[str, str]]:
    from django.utils import timezone

    from accounts.models import ApiKey, Business
    from core.tenancy import system
    from hosting.models import Account, Number, Template

    senders = []
    with system("benchmark"):
        for n in range(BUSINESSES):
            # With a test clock: the rate limit of real numbers (80 a second) is not measured here.
            business = Business.objects.create(
                name=f"b{n}", plan_id="business", clock_at=timezone.now()
            )
            account = Account.objects.create(business=business, name="a")
            number = Number.objects.create(
                business=business, account=account, digits=f"1555{n:07}", verified_name="n"
            )
            Template.objects.create(
                business=business,
                account=account,
                name="hello",
                language="en_US",
                category="utility",
                status="APPROVED",
                components=[{"type": "BODY", "text": "Hello"}],
            )
            senders.append((number.phone_number_id, ApiKey.issue(business, name="bench")[1]))
    return senders

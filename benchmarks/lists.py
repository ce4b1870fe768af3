"""Lists of the own API: a page of 50 messages of a conversation, and of 50 conversations.

Beside an empty view of the same server; clients and servers share the machine.
"""

import os

from benchmarks.http_load import granian, per_second
from benchmarks.report import Figure, show
from benchmarks.servers import benchmark_servers

MESSAGES = 5_000


def main() -> None:
    """Measure and print."""
    from benchmarks import history

    history.MESSAGES, history.CONVERSATIONS = MESSAGES, 100
    with benchmark_servers() as servers, granian(os.environ["PARLEY_VAR"], servers) as port:
        thread, key = _prepared(history._load(servers))
        headers = {"Authorization": f"Bearer {key}"}

        def read(path: str) -> float:
            return per_second(port, lambda client, n: client.get(path, headers))

        empty = per_second(port, lambda client, n: client.get("/bench/empty"))
        figures = []
        for name, path in {
            "50 messages of a conversation": f"/api/v1/conversations/{thread}/messages/?limit=50",
            "50 conversations": "/api/v1/conversations/?limit=50",
        }.items():
            figures += [
                Figure("lists", name, read(path), empty, "requests/s"),
                # A parameter that is left to the view, as filters are.
                Figure(
                    "lists",
                    f"{name}, by the view",
                    read(f"{path}&format=json"),
                    empty,
                    "requests/s",
                ),
            ]
    show("Lists of the own API, beside an empty view", figures)


def _prepared(business_id: int) -> tuple[str, str]:
    """The longest conversation, and a key that is not limited."""
    from django.utils import timezone

    from accounts.models import ApiKey, Business
    from core.tenancy import system
    from hosting.models import Conversation

    with system("benchmark"):
        Business.objects.filter(pk=business_id).update(clock_at=timezone.now())
        business = Business.objects.get(pk=business_id)
        thread = Conversation.objects.order_by("id").first()
        assert thread is not None
        return str(thread.public_id), ApiKey.issue(business, name="bench")[1]

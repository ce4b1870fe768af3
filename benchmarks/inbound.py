"""Inbound webhooks: signed updates stored before 200, one and 100 a request, and applying them."""

import os
import time

from benchmarks.http_load import Client, granian, per_second
from benchmarks.report import Figure, show
from benchmarks.servers import benchmark_servers

MANY = 100


def main() -> None:
    """Measure and print; clients and server share the machine, also for the limits."""
    with benchmark_servers() as servers, granian(os.environ["PARLEY_VAR"], servers) as port:
        line = _line()
        one = per_second(port, lambda client, n: _post(client, line, n, 1))
        many = per_second(port, lambda client, n: _post(client, line, 10**8 + n * MANY, MANY))
        empty = per_second(port, lambda client, n: client.get("/bench/empty"))
        body = _body(line, 0, 1)
        plain = per_second(port, lambda client, n: client.post("/bench/plain", body, {}))
        applied, limit = _applied(servers)
    show(
        "Inbound",
        [
            Figure("inbound", "1 update a request, beside an empty view", one, empty, "requests/s"),
            Figure(
                "inbound",
                "1 update a request, beside HMAC + parse + INSERT",
                one,
                plain,
                "requests/s",
            ),
            Figure(
                "inbound",
                f"{MANY} updates a request, acknowledged (goal 15,000)",
                many * MANY,
                15_000,
                "updates/s",
            ),
            Figure(
                "inbound",
                "applied, beside INSERT … SELECT unnest of the same messages",
                applied,
                limit,
                "updates/s",
            ),
        ],
    )


def _line():
    from accounts.models import Business
    from core.tenancy import system
    from hosting.cloudapi.webhooks import NumberMetadata
    from hosting.models import Account, Number

    with system("benchmark"):
        business = Business.objects.create(name="b", plan_id="business")
        account = Account.objects.create(business=business, name="a")
        number = Number.objects.create(
            business=business, account=account, digits="15550100100", verified_name="n"
        )
    return NumberMetadata(account.waba_id, number.phone_number_id, number.digits)


def _body(line, first: int, count: int) -> bytes:
    from hosting.cloudapi import webhooks

    people = [f"1415{(first + n) % 2000 + 2_000_000:07}" for n in range(count)]
    return webhooks.body_of(
        line,
        contacts=[
            webhooks.contact_object(wa_id, "Ann", f"US.{wa_id}") for wa_id in dict.fromkeys(people)
        ],
        messages=[
            {
                "from": wa_id,
                "id": f"wamid.bench{first + n}",
                "timestamp": "1780000000",
                "type": "text",
                "text": {"body": "Is the Yirgacheffe back in stock?"},
            }
            for n, wa_id in enumerate(people)
        ],
    )


def _post(client: Client, line, first: int, count: int) -> int:
    from django.conf import settings

    from hosting.cloudapi.webhooks import sign

    body = _body(line, first, count)
    return client.post("/webhooks/", body, {"X-Hub-Signature-256": sign(body, settings.APP_SECRET)})


def _applied(servers) -> tuple[float, float]:
    """Messages per second applied by one worker, and the same rows by INSERT … SELECT unnest."""
    import psycopg

    from hosting.inbound import events

    with psycopg.connect(servers.environment["DATABASE_SUPERUSER_URL"], autocommit=True) as db:
        # 40,000 messages; the first half warms up.
        db.execute("DELETE FROM hosting_event WHERE length(body) < 9000")
        db.execute(
            "DELETE FROM hosting_event"
            " WHERE id NOT IN (SELECT id FROM hosting_event ORDER BY id LIMIT 400)"
        )
        db.execute("VACUUM ANALYZE hosting_event")
        while events.apply_due() and _waiting(db) > 200:
            pass
        before = _messages(db)
        start = time.perf_counter()
        while events.apply_due():
            pass
        seconds = time.perf_counter() - start
        return (_messages(db) - before) / seconds, _plainly(db)


def _waiting(db) -> int:
    return db.execute("SELECT count(*) FROM hosting_event WHERE applied_at IS NULL").fetchone()[0]


def _messages(db) -> int:
    return db.execute("SELECT count(*) FROM hosting_message").fetchone()[0]


def _plainly(db) -> float:
    """Rows per second of the limit: 1,000 a commit, with the same indexes and foreign key."""
    db.execute("CREATE TABLE plain_message (LIKE hosting_message INCLUDING ALL)")
    db.execute(
        """ALTER TABLE plain_message ADD FOREIGN KEY (business_id, conversation_id)
           REFERENCES hosting_conversation (business_id, id)"""
    )
    columns = db.execute(
        """SELECT column_name, CASE udt_name WHEN 'jsonb' THEN 'text' ELSE udt_name END
             FROM information_schema.columns WHERE table_name = 'hosting_message'
                 AND is_generated = 'NEVER'"""
    ).fetchall()
    names = ", ".join(name for name, _ in columns)
    asked = ", ".join(f"{name}::text" if kind == "text" else name for name, kind in columns)
    rows = db.execute(f"SELECT {asked} FROM hosting_message ORDER BY id LIMIT 20000").fetchall()
    arrays = ", ".join(f"%s::{kind}[]" for _, kind in columns)
    chosen = ", ".join(
        f"{name}::jsonb" if name in ("content", "errors") else name for name, _ in columns
    )
    start = time.perf_counter()
    for first in range(0, len(rows), 1000):
        db.execute(
            f"""INSERT INTO plain_message ({names}) OVERRIDING SYSTEM VALUE
                SELECT {chosen} FROM unnest({arrays}) AS u ({names})""",
            list(map(list, zip(*rows[first : first + 1000], strict=True))),
        )
    return len(rows) / (time.perf_counter() - start)

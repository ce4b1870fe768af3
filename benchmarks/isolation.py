"""Isolation: 100 businesses send, one of them floods; how long the others wait, before and during.

The flood is all that a business can do: updates to its own webhook address, signed with its own
secret, sends, receivers that answer after ten seconds, and rows that fail whenever they are worked
on. `python -m benchmarks.isolation --seconds 8 --businesses 20` is a smaller form.
"""

import argparse
import http.server
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

import orjson
import psycopg

from benchmarks.http_load import Client, granian
from benchmarks.report import Figure, show
from benchmarks.servers import benchmark_servers

if TYPE_CHECKING:
    from stack.servers import Servers

GOAL = 2.0
# Updates of one body; every twentieth of them fails whenever it is worked on.
MANY, POISON = 100, "poison"
SLOW_SECONDS = 10.0
WARM_UPS, WARM_SECONDS = 8, 3.0
PLANT = f"""
CREATE FUNCTION bench_fail() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a row that fails';
END $$;
CREATE TRIGGER bench_fail BEFORE INSERT ON hosting_message FOR EACH ROW
    WHEN (NEW.text = '{POISON}') EXECUTE FUNCTION bench_fail();
"""


@dataclass(frozen=True, slots=True)
class Load:
    """How many businesses, seconds of each phase, updates of the flood and sends a second."""

    businesses: int = 100
    seconds: float = 30.0
    updates: int = 6_000
    sends: float = 20.0


@dataclass(frozen=True, slots=True)
class Sender:
    """A business that sends: its number, its key, its webhook address and the secret of it."""

    number_id: int
    phone_number_id: str
    key: str
    waba_id: str
    secret: str


@dataclass
class Watch:
    """Messages on their way, and the seconds that each took until it was delivered."""

    database: str
    sent: dict[tuple[int, str], float] = field(default_factory=dict)
    took: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def look(self, stop: threading.Event) -> None:
        """Look for delivered messages again and again until `stop`."""
        with psycopg.connect(self.database, autocommit=True) as db:
            while not stop.wait(0.005):
                with self.lock:
                    waiting = list(self.sent)
                for key in self._delivered(db, waiting):
                    with self.lock:
                        self.took.append(time.monotonic() - self.sent.pop(key))

    @staticmethod
    def _delivered(
        db: "psycopg.Connection[tuple[int, str]]", waiting: list[tuple[int, str]]
    ) -> list[tuple[int, str]]:
        numbers, wamids = [key[0] for key in waiting], [key[1] for key in waiting]
        return db.execute(
            """SELECT u.number_id, u.wamid
                 FROM unnest(%s::bigint[], %s::text[]) u (number_id, wamid)
                WHERE EXISTS (SELECT FROM hosting_message m WHERE m.number_id = u.number_id
                                 AND m.wamid = u.wamid AND m.status_rank >= 3)""",
            [numbers, wamids],
        ).fetchall()

    def all_seconds(self) -> list[float]:
        """The seconds of all messages, in order; those still on their way have taken until now."""
        now = time.monotonic()
        with self.lock:
            return sorted([*self.took, *(now - at for at in self.sent.values())])


def main(load: Load | None = None) -> None:
    """Measure and print; servers, workers and load share the machine."""
    load = load or Load()
    os.environ["PARLEY_ALLOW_PRIVATE_URLS"] = "1"
    with ExitStack() as stack:
        servers = stack.enter_context(benchmark_servers())
        superuser = servers.environment["DATABASE_SUPERUSER_URL"]
        flooder, *others = _senders(load.businesses, stack.enter_context(_slow_receiver()))
        with psycopg.connect(superuser, autocommit=True) as db:
            db.execute(PLANT)
        port = stack.enter_context(granian(os.environ["PARLEY_VAR"], servers))
        stack.enter_context(_workers(servers))
        # The first requests start everything; a worker is there when all were delivered.
        for _ in range(WARM_UPS):
            if _measured(load, port, superuser, others, 3.0)[-1] < WARM_SECONDS:
                break
        quiet = _measured(load, port, superuser, others, load.seconds)
        with _flood(load, port, flooder) as answers:
            flooded = _measured(load, port, superuser, others, load.seconds)
    _print(load, quiet, flooded, answers)


def _print(
    load: Load, quiet: list[float], flooded: list[float], answers: "Counter[tuple[str, int]]"
) -> None:
    title = f"Isolation: {load.businesses} businesses, one floods (goal: p99 at most {GOAL:g} x)"
    figures = [
        Figure(
            "isolation", f"from send to delivered, {name}: flooded beside quiet",
            1000 * _share(flooded, of), 1000 * _share(quiet, of), "ms",
        )
        for name, of in (("half", 0.5), ("p99", 0.99))
    ]  # fmt: skip
    show(title, figures)
    for (what, status), times in sorted(answers.items()):
        print(f"  flood: {what} answered {status}: {times:,}")


def _share(seconds: list[float], of: float) -> float:
    return seconds[min(int(len(seconds) * of), len(seconds) - 1)]


def _measured(
    load: Load, port: int, database: str, senders: list[Sender], seconds: float
) -> list[float]:
    """Let these businesses send in turn for so long; the seconds until each was delivered."""
    watch, stop = Watch(database), threading.Event()
    looking = threading.Thread(target=watch.look, args=(stop,))
    looking.start()
    client, ends = Client(port), time.monotonic() + seconds
    try:
        for n in count():
            due = ends - seconds + n / load.sends
            if due > ends:
                break
            time.sleep(max(0.0, due - time.monotonic()))
            sender, at = senders[n % len(senders)], time.monotonic()
            if _send(client, sender, f"1415{time.monotonic_ns() % 10**7:07}") != 200:
                raise RuntimeError(f"a send of another was refused: {client.body[:300]!r}")
            wamid = orjson.loads(client.body)["messages"][0]["id"]
            with watch.lock:
                watch.sent[sender.number_id, wamid] = at
        time.sleep(2.0)
    finally:
        stop.set()
        looking.join()
    return watch.all_seconds()


def _send(client: Client, sender: Sender, to: str) -> int:
    message = {
        "messaging_product": "whatsapp", "to": to, "type": "template",
        "template": {"name": "hello", "language": {"code": "en_US"}},
    }  # fmt: skip
    headers = {"Authorization": f"Bearer {sender.key}", "Content-Type": "application/json"}
    return client.post(f"/v23.0/{sender.phone_number_id}/messages", orjson.dumps(message), headers)


@contextmanager
def _flood(load: Load, port: int, flooder: Sender) -> "Iterator[Counter[tuple[str, int]]]":
    """Let a business do all that it can while the block runs; yields what it was answered."""
    answers: Counter[tuple[str, int]] = Counter()
    stop, serial = threading.Event(), count()

    def updates(client: Client) -> None:
        body = _updates(flooder, next(serial))
        answers["updates", _signed(client, flooder, body)] += 1

    def sends(client: Client) -> None:
        answers["send", _send(client, flooder, f"1416{next(serial) % 10**7:07}")] += 1

    bodies = load.updates / MANY
    threads = [
        *(_repeat(updates, port, bodies / 4, stop) for _ in range(4)),
        *(_repeat(sends, port, 25.0, stop) for _ in range(2)),
    ]
    try:
        yield answers
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _repeat(
    do: Callable[[Client], None], port: int, per_second: float, stop: threading.Event
) -> threading.Thread:
    def run() -> None:
        client = Client(port)
        while not stop.wait(1 / per_second):
            do(client)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def _updates(flooder: Sender, n: int) -> bytes:
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"phone_number_id": flooder.phone_number_id},
        "messages": [
            {
                "from": f"1417{(n * MANY + one) % 10**6:07}", "id": f"wamid.flood{n}.{one}",
                "timestamp": str(int(time.time())), "type": "text",
                "text": {"body": POISON if n % 20 == 0 and one == 0 else "more and more"},
            }
            for one in range(MANY)
        ],
    }  # fmt: skip
    return orjson.dumps(
        {"entry": [{"id": "1", "changes": [{"field": "messages", "value": value}]}]}
    )


def _signed(client: Client, flooder: Sender, body: bytes) -> int:
    from hosting.cloudapi.webhooks import sign

    headers = {"X-Hub-Signature-256": sign(body, flooder.secret)}
    return client.post(f"/webhooks/{flooder.waba_id}", body, headers)


def _senders(businesses: int, receiver: str) -> list[Sender]:
    """The businesses; the first, on the free plan, has webhooks that answer slowly."""
    from accounts.models import ApiKey, Business
    from core.tenancy import system
    from hosting.models import Account, Number, Template, Webhook

    found = []
    with system("benchmark"):
        for n in range(businesses):
            plan = "business" if n else "free"
            business = Business.objects.create(name=f"b{n}", plan_id=plan)
            account = Account.objects.create(business=business, name="a")
            number = Number.objects.create(
                business=business, account=account, digits=f"1555{n:07}", verified_name="n"
            )
            Template.objects.create(
                business=business, account=account, name="hello", language="en_US",
                category="utility", status="APPROVED",
                components=[{"type": "BODY", "text": "Hello"}],
            )  # fmt: skip
            if not n:
                Webhook.objects.create(business=business, account=account, url=receiver)
            _, key = ApiKey.issue(business, name="bench")
            found.append(
                Sender(number.pk, number.phone_number_id, key, account.waba_id, account.app_secret)
            )
    return found


class _Slow(http.server.BaseHTTPRequestHandler):
    """Answers every POST after ten seconds."""

    def do_POST(self) -> None:
        time.sleep(SLOW_SECONDS)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def _slow_receiver() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Slow)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/hook"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def _workers(servers: "Servers") -> Iterator[None]:
    """A Celery worker of two processes and a beat, as `make run` starts them."""
    celery = [sys.executable, "-m", "celery", "-A", "config"]
    schedule = f"{os.environ['PARLEY_VAR']}/beat"
    commands = [
        [*celery, "worker", "--concurrency", "2", "--loglevel", "ERROR", "--without-gossip",
         "--without-mingle"],
        [*celery, "beat", "--schedule", schedule, "--loglevel", "ERROR", "--pidfile", ""],
    ]  # fmt: skip
    started = [
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for command in commands
    ]
    try:
        yield
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(30)


def _chosen() -> Load:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("businesses", 100), ("updates", 6_000)):
        parser.add_argument(f"--{name}", type=int, default=default)
    for name, default in (("seconds", 30.0), ("sends", 20.0)):
        parser.add_argument(f"--{name}", type=float, default=default)
    return Load(**vars(parser.parse_args()))


if __name__ == "__main__":
    main(_chosen())

"""The outbox: a mail is a row of the transaction it is about, sent once, retried, and visible when
dead.
"""

import re
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.mail import EmailMessage
from django.db import connections, transaction
from django.utils import timezone

from accounts.models import Business
from core import outbox
from core.models import Email
from core.outbox import send
from core.outbox.content import one_line
from core.queue import Failed, Outcome
from core.queue.claim import claim, forget
from core.queue.pool import Task
from core.tenancy import scope, system
from tests.factories import make_business
from tests.smtp import MailServer, mail_server

ROOT = Path(django_settings.BASE_DIR)


@pytest.fixture
def server(settings: Any) -> Iterator[MailServer]:
    with mail_server(settings) as running:
        yield running


@pytest.fixture
def business(db: None) -> Business:
    return make_business()


def write(business: Business | None, *recipients: str, key: str = "1", **more: Any) -> None:
    content = outbox.Content("test", more.pop("subject", f"Subject {key}"), "Text\n")
    business_id = business.pk if business else None
    with scope(business.pk) if business else transaction.atomic():
        outbox.write(content, key=key, recipients=recipients, business_id=business_id, **more)


def rows(*fields: str) -> list[Any]:
    with system("test"):
        found = Email.objects.order_by("id")
        return list(found.values_list(*fields, flat=len(fields) == 1))


def change(**fields: Any) -> None:
    with system("test"):
        Email.objects.update(**fields)


def test_a_mail_goes_with_the_transaction_that_writes_it(server: MailServer, db: None) -> None:
    business = make_business()
    with transaction.atomic():
        write(business, "ann@example.com")
        transaction.set_rollback(True)
    assert outbox.send_due() == 0
    assert (rows("state"), server.received) == ([], [])
    write(business, "ann@example.com")
    assert (outbox.send_due(), outbox.send_due()) == (1, 0)
    assert server.subjects() == ["Subject 1"]
    assert [str(server.received[0][name]) for name in ("To", "Auto-Submitted")] == [
        "ann@example.com",
        "auto-generated",
    ]
    assert rows("state", "attempts", "last_error") == [("sent", 1, "")]


def test_one_occasion_is_one_mail_a_recipient(server: MailServer, business: Business) -> None:
    for _ in range(2):
        write(business, "ann@example.com", "bob@example.com", "ann@example.com")
    write(business, "ann@example.com", key="2")
    assert outbox.send_due() == 3
    assert sorted(server.recipients) == ["ann@example.com", "ann@example.com", "bob@example.com"]


def test_a_bad_recipient_stops_nobody(server: MailServer, business: Business) -> None:
    server.refused = {"gone@example.com": "550 5.1.1 No such mailbox"}
    write(business, "gone@example.com", "not\r\nan address", "ann@example.com")
    outbox.send_due()
    assert server.recipients == ["ann@example.com"]
    found = rows("recipient", "state", "attempts")
    assert found == [
        ("gone@example.com", "dead", 1),
        ("not\r\nan address", "dead", 1),
        ("ann@example.com", "sent", 1),
    ]
    assert rows("last_error")[0] == "550 5.1.1 No such mailbox"
    with system("test"):
        assert Email.objects.failed().count() == 2
        assert Email.objects.filter(dead_at=None).count() == 1


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ({"RCPT": "451 4.7.1 Come back later"}, "451 4.7.1 Come back later"),
        ({"RCPT": "550 5.7.1 Relaying denied"}, "550 5.7.1 Relaying denied"),
        ({"MAIL": "421 Busy"}, "SMTPSenderRefused"),
        ({"DATA": "554 No"}, "SMTPDataError"),
        ({"RCPT": "hang up"}, "SMTPServerDisconnected"),
    ],
)
def test_what_fails_is_tried_again_for_three_days_and_then_dead(
    server: MailServer, business: Business, answers: dict[str, str], reason: str
) -> None:
    server.answers = answers
    write(business, "ann@example.com")
    assert (outbox.send_due(), outbox.send_due()) == (1, 0)
    assert rows("state", "attempts") == [("waiting", 1)]
    assert reason in rows("last_error")[0]
    assert timedelta(seconds=40) < rows("not_before")[0] - timezone.now() < timedelta(seconds=80)
    change(attempts=send.MAX_ATTEMPTS - 1, not_before=timezone.now())
    assert outbox.send_due() == 1
    assert rows("state", "attempts") == [("dead", send.MAX_ATTEMPTS)]
    server.answers = {}
    assert (outbox.send_due(), server.received) == (0, [])
    with system("test"):
        assert outbox.send_again(rows("pk")) == 1
    assert (outbox.send_due(), server.subjects()) == (1, ["Subject 1"])
    assert rows("state", "attempts", "dead_at") == [("sent", 1, None)]


def test_the_attempts_span_three_days() -> None:
    attempts = range(1, send.MAX_ATTEMPTS)
    plain = [send.BACKOFF.after(attempt, chance=0.5) for attempt in attempts]
    assert timedelta(days=3) < timedelta(seconds=sum(plain)) < timedelta(days=3.5)
    assert (plain[0], plain[-1]) == (60.0, 6 * 3600.0)


def test_a_mail_server_that_is_away_costs_no_mail(business: Business, settings: Any) -> None:
    settings.EMAIL_BACKEND = "core.outbox.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    write(business, "ann@example.com")
    assert outbox.send_due() == 1
    assert rows("state", "attempts") == [("waiting", 1)]
    change(not_before=timezone.now())
    with mail_server(settings) as server:
        assert (outbox.send_due(), server.subjects()) == (1, ["Subject 1"])


def test_a_mail_whose_worker_died_is_not_sent_again_by_itself(
    server: MailServer, business: Business
) -> None:
    write(business, "ann@example.com")
    past = timezone.now() - timedelta(seconds=1)
    change(state="sending", attempts=1, leased_until=past)
    assert outbox.send_due() == 0
    assert (rows("state"), server.received) == (["unknown"], [])
    assert rows("last_error") == ["The worker stopped while sending."]
    with system("test"):
        assert outbox.send_again(rows("pk")) == 1
    assert (outbox.send_due(), rows("state")) == (1, ["sent"])


def test_a_mail_without_an_answer_is_of_unknown_result(
    server: MailServer, business: Business
) -> None:
    server.after_mail = "hang up"
    write(business, "ann@example.com")
    assert (outbox.send_due(), outbox.send_due()) == (1, 0)
    assert rows("state", "attempts", "sent_at") == [("unknown", 1, None)]
    server.after_mail = "554 Not wanted"
    with system("test"):
        outbox.send_again(rows("pk"))
    outbox.send_due()
    assert rows("state") == ["waiting"]


def test_a_farewell_that_fails_sends_nothing_twice(server: MailServer, business: Business) -> None:
    server.answers = {"QUIT": "hang up"}
    write(business, "ann@example.com")
    assert (outbox.send_due(), outbox.send_due()) == (1, 0)
    assert (rows("state"), server.subjects()) == (["sent"], ["Subject 1"])


def test_a_late_worker_ends_only_its_own_claim(business: Business) -> None:
    write(business, "ann@example.com")
    forget()
    (mine,) = claim(send.QUEUE)
    assert claim(send.QUEUE) == []
    late = send.Letter(mine.key, mine.attempts, EmailMessage())
    # Its lease ended, and it still comes to say that the mail was taken.
    change(leased_until=timezone.now() - timedelta(seconds=1))
    assert outbox.send_due() == 0
    assert rows("state") == ["unknown"]
    end(Task(mine, late), None)
    assert rows("state") == ["sent"]
    with system("test"):
        outbox.send_again(rows("pk"))
    (again,) = claim(send.QUEUE)
    assert (again.key, again.attempts) == (mine.key, mine.attempts)
    end(Task(mine, late), Failed("late"))
    assert rows("state", "attempts") == [("sending", 1)]


def end(task: Task, outcome: Outcome) -> None:
    """A thread has handed a mail over, or not."""
    done: Future[send.Result] = Future()
    done.set_result(send.Result(task.work.key, task.work.attempts, outcome))
    send.POOL._finish({done: task})


def test_many_workers_send_each_mail_once(committed_db: None, redis: Any, settings: Any) -> None:
    with mail_server(settings) as server:
        write(make_business(), *(f"p{n}@example.com" for n in range(40)))

        def work() -> None:
            outbox.send_due()
            connections.close_all()

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert sorted(server.recipients) == sorted(f"p{n}@example.com" for n in range(40))
    assert set(rows("state")) == {"sent"}


def test_logins_come_before_bulk(business: Business, settings: Any, server: MailServer) -> None:
    forget()
    write(business, *(f"p{n}@example.com" for n in range(3)))
    other = make_business("Florist")
    write(other, "bob@example.com", key="plain")
    write(other, "bob@example.com", key="invitation", is_private=True)
    write(None, "eve@example.com", key="plain")
    write(None, "ann@example.com", key="login", is_private=True)
    order = [claim(send.QUEUE, limit=1)[0].key for _ in range(7)]
    keys = {pk: (business_id, key) for pk, business_id, key in rows("pk", "business_id", "key")}
    found = [keys[key] for key in order]
    assert sorted(found[:2], key=str) == [(other.pk, "invitation"), (None, "login")]
    assert {found[2], found[3], found[4]} == {
        (None, "plain"),
        (business.pk, "1"),
        (other.pk, "plain"),
    }
    assert found[5:] == [(business.pk, "1")] * 2


def test_a_private_mail_leaves_no_text_behind(server: MailServer, business: Business) -> None:
    write(None, "ann@example.com", key="code", is_private=True)
    write(business, "ann@example.com", key="plain")
    outbox.send_due()
    assert rows("key", "text") == [("code", ""), ("plain", "Text\n")]
    assert server.received[0].get_content() == "Text\r\n"
    with system("test"):
        assert outbox.send_again(rows("pk")) == 1
    assert rows("state") == ["sent", "waiting"]


def test_texts_are_encrypted_at_rest(business: Business) -> None:
    write(business, "ann@example.com")
    with system("test"), connections["default"].cursor() as cursor:
        cursor.execute("SELECT text FROM core_email")
        assert "Text" not in cursor.fetchone()[0]
    assert rows("text") == ["Text\n"]


def test_a_business_sees_its_own_mails_and_nobody_those_about_logins(business: Business) -> None:
    write(business, "ann@example.com", key="ours")
    write(make_business("Other"), "bob@example.com", key="theirs")
    write(None, "eve@example.com", key="login")
    with scope(business.pk):
        assert list(Email.objects.values_list("key", flat=True)) == ["ours"]
    assert not Email.objects.exists()
    assert len(rows("key")) == 3


def test_attachments_are_made_as_the_mail_is_sent(
    server: MailServer, business: Business, settings: Any
) -> None:
    made: list[str] = []

    def read(reference: str) -> outbox.File:
        made.append(reference)
        if reference == "broken":
            raise OSError("disk full")
        return outbox.File(f"{reference}.csv", b"a,b\n", "text/csv")

    source = outbox.sources.register(outbox.AttachmentSource("test.files", read))
    try:
        write(business, "ann@example.com", attachments=[source.reference("lines")])
        write(business, "bob@example.com", key="2", attachments=[source.reference("broken")])
        assert made == []
        outbox.send_due()
    finally:
        outbox.sources.unregister(source)
    assert set(made) == {"lines", "broken"}
    (file,) = server.received[0].iter_attachments()
    assert (file.get_filename(), file.get_content()) == ("lines.csv", "a,b\r\n")
    assert rows("recipient", "state", "last_error") == [
        ("ann@example.com", "sent", ""),
        ("bob@example.com", "waiting", "OSError: disk full"),
    ]


@pytest.mark.parametrize(
    ("given", "subject"),
    [
        (
            "Join Bread\r\nBcc: eve@example.com on Parley",
            "Join Bread Bcc: eve@example.com on Parley",
        ),
        ("a\u2028b\x85c\td", "a b c d"),
        ("a\x00b\x1bc\u200e", "abc"),
        ("  Ünïcode 🍞  ", "Ünïcode 🍞"),
        ("x" * 300, "x" * 200),
    ],
)
def test_a_subject_is_one_line(given: str, subject: str) -> None:
    assert one_line(given) == subject


def test_a_line_break_in_a_name_neither_becomes_a_header_nor_keeps_the_mail(
    server: MailServer, business: Business
) -> None:
    write(business, "ann@example.com", subject="Bread\r\nBcc: eve@example.com")
    assert outbox.send_due() == 1
    assert server.subjects() == ["Bread Bcc: eve@example.com"]
    assert (server.recipients, server.received[0]["Bcc"]) == (["ann@example.com"], None)


SENDS_MAIL = re.compile(
    r"\bsend_mail\(|\bsend_mass_mail\b|\bEmailMessage\(|\bEmailMultiAlternatives\(|\bmail_admins\("
    r"|\bmail_managers\(|\bemail_user\(|\bimport smtplib|django\.core\.mail import"
)


def test_only_the_outbox_sends_mail() -> None:
    apps = ("config", "core", "accounts", "hosting", "billing", "shops", "demo", "stack")
    files = [file for app in apps for file in (ROOT / app).rglob("*.py")]
    assert len(files) > 400
    found = {
        str(file.relative_to(ROOT))
        for file in files
        if SENDS_MAIL.search(file.read_text(encoding="utf-8").replace("def send_mail(", ""))
    }
    assert found == {
        # Opens a connection to the mail server, and sends nothing.
        "core/doctor.py",
        "core/outbox/send.py",
        "core/outbox/smtp.py",
    }

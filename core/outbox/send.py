"""Sending: a queue whose rows are handed to the mail server, side by side, each at most once."""

import smtplib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from core import links
from core.models import Email
from core.outbox import attachments
from core.outbox.smtp import ResultUnknown
from core.queue import (
    AtMostOnce,
    Backoff,
    Claimed,
    Failed,
    GaveUp,
    InThreads,
    Outcome,
    Queue,
    Unknown,
)
from core.queue.pool import WorkerPool
from core.queue.rows import opened_again
from core.queue.settle import give_up_lost

# Refusals of a recipient that last: there is no such mailbox or domain, or it takes no mail.
NO_SUCH_RECIPIENT = (550, 551, 553)


# Minutes between attempts double up to six hours: the last of 21 attempts is after three days.
MAX_ATTEMPTS = 21
BACKOFF = Backoff(first=60.0, longest=6 * 3600.0)
STOPPED = "The worker stopped while sending."
THREADS = 4


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail as it is handed over, and which attempt that is."""

    key: int
    attempts: int
    message: EmailMessage


@dataclass(frozen=True, slots=True)
class Result:
    """What came of an attempt."""

    key: int
    attempts: int
    outcome: Outcome


def send_due() -> int:
    """Send mails until none is due; returns how many were tried."""
    give_up_lost(QUEUE)
    return POOL.run()


def send_in_background() -> None:
    """See to it that a thread of this process sends; returns at once."""
    give_up_lost(QUEUE)
    POOL.wake()


def send_again(email_ids: Iterable[int]) -> int:
    """Let mails wait again that are dead, of unknown result, or sent and not private.

    Returns how many. Call across businesses.
    """
    again = Email.objects.filter(pk__in=list(email_ids)).exclude(state=Email.State.SENDING)
    again = again.exclude(state=Email.State.SENT, is_private=True)
    return again.update(state=Email.State.WAITING, sent_at=None, **opened_again())


def _prepare(rows: Sequence[Claimed]) -> dict[int, Letter]:
    """The messages of claimed rows, with their attachments."""
    found = Email.objects.in_bulk([row.key for row in rows])
    return {row.key: Letter(row.key, row.attempts, message_of(found[row.key])) for row in rows}


def message_of(email: Email) -> EmailMessage:
    """The message that a row becomes; its id is the same each time it is sent."""
    written = int(email.created_at.timestamp())
    message = EmailMultiAlternatives(
        email.subject,
        email.text,
        settings.DEFAULT_FROM_EMAIL,
        [email.recipient],
        headers={
            "Message-ID": f"<{email.pk}.{written}@{links.host()}>",
            "Auto-Submitted": "auto-generated",
        },
    )
    if email.html:
        message.attach_alternative(email.html, "text/html")
    for named in email.attachments:
        file = attachments.read(named)
        message.attach(file.name, file.content, file.content_type)
    return message


def _perform(letter: Letter) -> Result:
    return Result(letter.key, letter.attempts, hand_over(letter.message))


def hand_over(message: EmailMessage) -> Outcome:
    """Hand one message over; None when the server took it. Touches no database."""
    try:
        message.send()
    except ResultUnknown as error:
        return Unknown(str(error))
    except smtplib.SMTPRecipientsRefused as error:
        return _refused(error)
    except ValueError as error:
        # A header that cannot be written, or an address that is none: another try changes nothing.
        return GaveUp(f"{type(error).__name__}: {error}")
    except Exception as error:
        return Failed(f"{type(error).__name__}: {error}")
    return None


def _refused(error: smtplib.SMTPRecipientsRefused) -> Outcome:
    (code, text), *_ = error.recipients.values()
    reason = f"{code} {text.decode(errors='replace')}"
    # 5.7 is about policy, such as relaying without a login: operators mend that, so it is retried.
    is_final = code in NO_SUCH_RECIPIENT and not text.startswith(b"5.7.")
    return GaveUp(reason) if is_final else Failed(reason)


def _finish(results: Mapping[int, Result]) -> dict[int, Outcome]:
    """What becomes of each row; of private mails that were sent the text is deleted."""
    sent = Email.objects.filter(pk__in=[key for key, one in results.items() if one.outcome is None])
    sent.filter(is_private=True).update(text="", html="")
    return {key: one.outcome for key, one in results.items()}


def _finish_late(results: Sequence[Result]) -> None:
    """A worker that slept past its lease knows that the mail was sent: so it is not unknown."""
    for one in results:
        if one.outcome is None:
            lost = Email.objects.filter(pk=one.key, attempts=one.attempts, state="unknown")
            lost.filter(is_private=True).update(text="", html="")
            lost.update(state=Email.State.SENT, sent_at=Now(), last_error="")


QUEUE = Queue(
    name="emails",
    about="Mails on their way to the mail server.",
    model=Email,
    work=InThreads(
        size=THREADS,
        prepare=_prepare,
        perform=_perform,
        finish=_finish,
        late=_finish_late,
        # Of one business, or of nobody: about logins.
        per_owner=THREADS - 1,
    ),
    is_open=Q(state="waiting"),
    owner="share",
    scoped=False,
    urgent="is_private",
    batch=THREADS,
    lease_seconds=600.0,
    max_attempts=MAX_ATTEMPTS,
    backoff=BACKOFF,
    done={"state": "'sent'", "sent_at": "statement_timestamp()"},
    at_most_once=AtMostOnce(
        claimed=Q(state="sending"),
        on_claim={"state": "'sending'"},
        on_release={"state": "'waiting'"},
        on_loss={"state": "'unknown'"},
        reason=STOPPED,
    ),
    on_death={"state": "'dead'"},
    on_rerun={"state": "'waiting'"},
    counts="attempts = 0",
    dead_title=_("E-mails not sent"),
)
POOL = WorkerPool(QUEUE)

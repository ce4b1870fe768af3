"""Sending: mails that are due are handed to the mail server, side by side, each once."""

import smtplib
from collections.abc import Iterable, Mapping, Sequence

from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.db.models.functions import Now

from core import links
from core.models import Email
from core.outbox import attachments
from core.outbox.smtp import ResultUnknown
from core.outbox.worker import Claimed, Outcome, Worker
from core.queue.declaration import Failed, GaveUp, Unknown
from core.queue.rows import opened_again

REASON = "the outbox holds mails of every business, and of none"
# Refusals of a recipient that last: there is no such mailbox or domain, or it takes no mail.
NO_SUCH_RECIPIENT = (550, 551, 553)


def send_due() -> int:
    """Send mails until none is due; returns how many were tried."""
    return _worker.run()


def send_in_background() -> None:
    """See to it that a thread of this process sends; returns at once."""
    _worker.wake()


def send_again(email_ids: Iterable[int]) -> int:
    """Let mails wait again that are dead, of unknown result, or sent and not private.

    Returns how many. Call across businesses.
    """
    again = Email.objects.filter(pk__in=list(email_ids)).exclude(state=Email.State.SENDING)
    again = again.exclude(state=Email.State.SENT, is_private=True)
    return again.update(state=Email.State.WAITING, sent_at=None, **opened_again())


def prepare(rows: Sequence[Claimed]) -> dict[int, EmailMessage]:
    """The messages of claimed rows, with their attachments; call across businesses."""
    found = Email.objects.in_bulk([row.key for row in rows])
    return {key: message_of(email) for key, email in found.items()}


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


def perform(message: EmailMessage) -> Outcome:
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


def finish(results: Mapping[int, Outcome]) -> dict[int, Outcome]:
    """What becomes of each row; of private mails that were sent the text is deleted."""
    _mark_sent([key for key, outcome in results.items() if outcome is None])
    return dict(results)


def _mark_sent(keys: Sequence[int]) -> None:
    rows = Email.objects.filter(pk__in=keys)
    rows.filter(is_private=True).update(text="", html="")
    rows.update(state=Email.State.SENT, sent_at=Now(), last_error="")


_worker = Worker(prepare=prepare, perform=perform, finish=finish, reason=REASON)

"""Writing mails: one row a recipient, in the transaction that is open."""

from collections.abc import Iterable
from contextlib import nullcontext

from django.dispatch import Signal

from core.models import Email
from core.outbox.content import Content, one_line
from core.tenancy import system

# Sent when rows were written, before the commit: wakes the worker that sends them.
emails_written = Signal()


def write(
    content: Content,
    *,
    key: str,
    recipients: Iterable[str],
    business_id: int | None = None,
    attachments: Iterable[str] = (),
    is_private: bool = False,
) -> None:
    """Write a mail to each recipient; call in the business's scope or across businesses.

    `key` names the occasion within the content's kind: what was written for it is not written
    again. Without `business_id` the mail is about a login. `is_private` deletes the text once the
    mail is sent. `attachments` are references of registered sources.
    """
    rows = [
        Email(
            business_id=business_id,
            share=business_id or 0,
            kind=content.kind,
            key=key,
            recipient=recipient,
            subject=one_line(content.subject),
            text=content.text,
            html=content.html,
            attachments=list(attachments),
            is_private=is_private,
        )
        for recipient in dict.fromkeys(recipients)
    ]
    with nullcontext() if business_id else system("mail about a login belongs to no business"):
        Email.objects.bulk_create(rows, ignore_conflicts=True)
    emails_written.send(sender=Email)

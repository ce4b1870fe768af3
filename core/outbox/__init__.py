"""The outbox: every mail is a row, written in the transaction of what it is about, and sent once.

`write` adds one row a recipient; a second mail of the same kind, key and recipient is not written.
A worker claims rows, hands each to the mail server and marks it as sent. What fails is tried again
for three days, then it is a dead letter that operators see and can send again. A mail whose worker
or connection ended while it was being handed over has an unknown result and is never sent again by
itself. Attachments are references: the app that knows them registers a source in `attachments`.
"""

from core.outbox.attachments import AttachmentSource, File, sources
from core.outbox.content import Content, render
from core.outbox.send import send_again, send_due
from core.outbox.write import emails_written, write

__all__ = [
    "AttachmentSource",
    "Content",
    "File",
    "emails_written",
    "render",
    "send_again",
    "send_due",
    "sources",
    "write",
]

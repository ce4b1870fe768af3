"""The development mailbox: mails that were written to files because no EMAIL_URL is set."""

import email
import email.policy
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

SHOWN = 50
# Separates two mails of one file, as Django's file backend writes it.
LINE = b"\n" + b"-" * 79 + b"\n"


@dataclass(frozen=True, slots=True)
class Mail:
    """Recipient, subject, date and plain text of one mail."""

    to: str
    subject: str
    at: str
    text: str


def newest(folder: Path) -> list[Mail]:
    """The last 50 mails of a folder, the newest first; none where the folder does not exist."""
    files = sorted(folder.glob("*.log"), key=lambda file: file.stat().st_mtime_ns, reverse=True)[
        :SHOWN
    ]
    pieces = [
        piece
        for file in files
        for piece in reversed(file.read_bytes().split(LINE))
        if piece.strip()
    ]
    return [_read(piece.lstrip(b"\n")) for piece in pieces[:SHOWN]]


def _read(content: bytes) -> Mail:
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    body = message.get_body(("plain",))
    text = body.get_content() if body else ""
    return Mail(
        str(message["To"] or ""), str(message["Subject"] or ""), str(message["Date"] or ""), text
    )

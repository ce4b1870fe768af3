"""Attachments by reference: a mail names its files, and the app that knows them makes the bytes."""

from collections.abc import Callable
from dataclasses import dataclass

from core.registry import Registry


@dataclass(frozen=True, slots=True)
class File:
    """A file as it is attached."""

    name: str
    content: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class AttachmentSource:
    """Where files of one sort come from; `read` is given a reference, across businesses."""

    name: str
    read: Callable[[str], File]

    def reference(self, reference: str) -> str:
        """What a mail's row names: this source and a reference that `read` understands."""
        return f"{self.name}:{reference}"


sources: Registry[AttachmentSource] = Registry(
    "core.outbox.sources",
    "Sources of files that mails may carry.",
    key=lambda source: source.name,
)


def read(named: str) -> File:
    """The file that a row names; KeyError when no such source is registered."""
    source, _, reference = named.partition(":")
    return sources[source].read(reference)

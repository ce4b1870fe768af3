"""Errors of imported files; each message names the place and the limit."""

from core.errors import ParleyError


class BadChatFile(ParleyError):
    """The file cannot be imported; the message says why."""

    code = "bad_chat_file"
    status = 400

    def __init__(self, message: str, *, field: str = "file") -> None:
        self.field = field
        super().__init__(message)


class BadArchive(BadChatFile):
    """The archive exceeds a limit."""

    code = "bad_archive"

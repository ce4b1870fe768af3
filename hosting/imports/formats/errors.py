"""What a file of a chat may not be; each message names the place and the limit."""

from core.errors import ParleyError


class BadChatFile(ParleyError):
    """A file that cannot be imported, and why."""

    code = "bad_chat_file"
    status = 400

    def __init__(self, message: str, *, field: str = "file") -> None:
        self.field = field
        super().__init__(message)


class BadArchive(BadChatFile):
    """An archive outside its limits."""

    code = "bad_archive"

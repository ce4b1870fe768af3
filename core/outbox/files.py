"""Mails as files, where no mail server is set: only this login may read them."""

import os
from typing import Any

from django.core.mail.backends import filebased


class EmailBackend(filebased.EmailBackend):
    """Django's, with folder and files that nobody else can open: they hold codes to log in with."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        os.chmod(self.file_path, 0o700)

    def open(self) -> bool:
        """Open the file to which this connection writes."""
        if self.stream is not None:
            return False
        path = self._get_filename()
        self.stream = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")
        return True

"""Sending by SMTP, with one more error: the connection ended when the server may have the mail."""

import smtplib
from typing import Any

from django.core.mail.backends import smtp


class ResultUnknown(Exception):
    """Nobody knows whether the server took the mail."""


class _ReportsUnknown(smtplib.SMTP):
    def data(self, msg: Any) -> tuple[int, bytes]:
        """Hand the mail over; an answer that never comes is not a refusal."""
        try:
            return super().data(msg)
        except smtplib.SMTPResponseException:
            raise
        except OSError as error:
            raise ResultUnknown(f"No answer to the mail: {error}") from error


class _ReportsUnknownOverTls(_ReportsUnknown, smtplib.SMTP_SSL):
    pass


class EmailBackend(smtp.EmailBackend):
    """Django's, which raises `ResultUnknown` where its result is unknown."""

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        """The class of its connections."""
        return _ReportsUnknownOverTls if self.use_ssl else _ReportsUnknown

    def _close_connection(self, connection: smtplib.SMTP) -> None:
        # The mail was taken or refused before: a farewell that fails changes nothing about that.
        try:
            super()._close_connection(connection)  # type: ignore[misc]
        except OSError:
            connection.close()

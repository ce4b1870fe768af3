"""Sessions in the database, each found by its key alone: the key is all that its owner has.

The table is closed otherwise (`core.tenancy.logins`): no statement of a page can list sessions.
"""

from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session

from core import tenancy


class SessionStore(db.SessionStore):
    """Django's sessions in the database, read by `accounts_open_session`."""

    def _get_session_from_db(self) -> Session | None:
        found = Session.objects.raw(
            "SELECT * FROM accounts_open_session(%s)", [self.session_key or ""]
        )
        for session in found:
            return session
        self._session_key = None
        return None

    def exists(self, session_key: str) -> bool:
        """Whether there is a session with this key, also one that has expired."""
        with tenancy.logins("a session is looked up by its key"):
            return super().exists(session_key)

    def save(self, must_create: bool = False) -> None:
        """Save the session; CreateError or UpdateError as in Django."""
        with tenancy.logins("a session is written"):
            super().save(must_create)

    def delete(self, session_key: str | None = None) -> None:
        """Delete the session, or the one with this key."""
        with tenancy.logins("a session ends"):
            super().delete(session_key)

    @classmethod
    def clear_expired(cls) -> None:
        """Delete sessions that have expired."""
        with tenancy.logins("sessions have expired"):
            super().clear_expired()

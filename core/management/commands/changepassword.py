"""`manage.py changepassword`: users are closed to work that is not about logins."""

from typing import Any

from django.contrib.auth.management.commands.changepassword import Command as DjangoCommand

from core.tenancy import logins


class Command(DjangoCommand):
    """Django's command, in a transaction that may read and write users."""

    def handle(self, *args: Any, **options: Any) -> str | None:
        """Ask for a password twice and set it."""
        with logins("an operator sets a password"):
            return super().handle(*args, **options)

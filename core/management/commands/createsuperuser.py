"""`manage.py createsuperuser`: users are closed to work that is not about logins."""

from typing import Any

from django.contrib.auth.management.commands.createsuperuser import Command as DjangoCommand
from django.core.management import CommandError
from django.db import IntegrityError

from core.tenancy import logins


class Command(DjangoCommand):
    """Django's command, in a transaction that may read and write users."""

    def handle(self, *args: Any, **options: Any) -> str | None:
        """Ask what is missing and create the user."""
        try:
            with logins("an operator is created"):
                return super().handle(*args, **options)
        except IntegrityError:
            # Django asks first only where it is interactive.
            raise CommandError("That email address is already taken.") from None

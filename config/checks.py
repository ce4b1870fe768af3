"""Checks of the settings for `manage.py check --deploy`."""

from typing import Any

from django.core.checks import CheckMessage, Warning

from config.variables import given


def check_logins(**_ignored: Any) -> list[CheckMessage]:
    """A warning where web and workers have one login to the database."""
    if given("DATABASE_WORKER_URL") or not given("DATABASE_URL"):
        return []
    return [
        Warning(
            "Web and workers log in to the database as one.",
            hint="Give the workers a login of their own by DATABASE_WORKER_URL, and the web one"
            " that cannot take the role parley_system (docs/tenancy.md).",
            id="parley.W001",
        )
    ]

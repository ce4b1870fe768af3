"""App configuration of `accounts`: who."""

from django.apps import AppConfig
from django.utils.translation import gettext_noop as _


class AccountsConfig(AppConfig):
    """Users, businesses, memberships, plans, API keys."""

    name = "accounts"
    verbose_name = "Accounts"

    def ready(self) -> None:
        """Begin the navigation."""
        from accounts import navigation

        navigation.add(navigation.Page(_("Home"), "home", "home", 0))

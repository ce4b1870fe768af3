"""App configuration of `accounts`: who."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Users, businesses, memberships, plans, API keys."""

    name = "accounts"
    verbose_name = "Accounts"

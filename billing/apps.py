"""App configuration of `billing`: what it cost."""

from django.apps import AppConfig


class BillingConfig(AppConfig):
    """Rate cards, metering, the ledger, invoices."""

    name = "billing"
    verbose_name = "Billing"

"""App configuration of `billing`: what it cost."""

from django.apps import AppConfig


class BillingConfig(AppConfig):
    """Rate cards, metering, the ledger, invoices."""

    name = "billing"
    verbose_name = "Billing"

    def ready(self) -> None:
        """Show prices beside messages, and the metering queue on the health page."""
        from accounts import health
        from billing import metering, pricing
        from hosting import extensions

        extensions.message_notes.append(pricing.notes)
        health.queues["deliveries"] = metering.oldest_waiting_seconds

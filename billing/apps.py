"""App configuration of `billing`: what it cost."""

from django.apps import AppConfig
from django.utils.translation import gettext_noop as _


class BillingConfig(AppConfig):
    """Rate cards, metering, the ledger, invoices."""

    name = "billing"
    verbose_name = "Billing"

    def ready(self) -> None:
        """Show prices, keep spend caps, put the metering queue on the health page and the money in the navigation."""
        from accounts import health, navigation, panels, planning, safekeeping
        from accounts.models import Role
        from billing import (
            estimating,
            forgetting,
            metering,
            overview,
            pricing,
            pricing_points,
            quoting,
            reconciling,
            spending,
        )
        from hosting import extensions

        extensions.forecasts.append(estimating.forecast)
        extensions.quotes.append(quoting.quotes)
        extensions.message_notes.append(pricing.notes)
        extensions.send_checks.append(spending.check_cap)
        extensions.account_edges["pricing_analytics"] = pricing_points.pricing_analytics
        extensions.message_costs.append(pricing_points.cost_of_message)
        extensions.erasers.append(forgetting.forget)
        planning.checks.append(overview.check_payable)
        safekeeping.recounts.append(reconciling.in_words)
        health.queues["deliveries"] = metering.oldest_waiting_seconds
        finance = frozenset({str(Role.OWNER), str(Role.FINANCE)})
        navigation.add(navigation.Page(_("Usage"), "usage", "usage", 40, finance))
        navigation.add(navigation.Page(_("Invoices"), "invoices", "invoice", 50, finance))
        panels.add(panels.Panel("billing/_month.html", overview.month, 20, finance))
        panels.watch(panels.Watch(overview.attention, finance))
        panels.announce(overview.banners)

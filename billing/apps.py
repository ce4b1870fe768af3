"""App configuration of `billing`."""

from django.apps import AppConfig
from django.utils.translation import gettext_noop as _


class BillingConfig(AppConfig):
    """Rate cards, metering, ledger and invoices."""

    name = "billing"
    verbose_name = "Billing"

    def ready(self) -> None:
        """Register pricing, caps, erasure, health checks, navigation and panels with the other
        apps.
        """
        from accounts import navigation, panels
        from accounts.models import Role
        from accounts.plans import changes
        from billing import dashboard, erasure, spend_caps
        from billing.metering import meter, reconciliation
        from billing.pricing import analytics, estimate, explanation, quote
        from core import backup, health
        from hosting import extensions

        extensions.forecasts.append(estimate.forecast)
        extensions.quotes.append(quote.quotes)
        extensions.message_notes.append(explanation.notes)
        extensions.send_checks.append(spend_caps.check_cap)
        extensions.account_edges["pricing_analytics"] = analytics.pricing_analytics
        extensions.message_costs.append(analytics.cost_of_message)
        extensions.erasers.append(erasure.erase_person)
        changes.checks.append(dashboard.check_payable)
        backup.recounts.append(reconciliation.difference_lines)
        health.queues["deliveries"] = meter.oldest_waiting_seconds
        finance = frozenset({str(Role.OWNER), str(Role.FINANCE)})
        navigation.add(navigation.Page(_("Usage"), "usage", "usage", 40, finance))
        navigation.add(navigation.Page(_("Invoices"), "invoices", "invoice", 50, finance))
        panels.add(panels.Panel("billing/metering/_month.html", dashboard.month, 20, finance))
        panels.watch(panels.Watch(dashboard.attention, finance))
        panels.announce(dashboard.banners)

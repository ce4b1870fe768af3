"""App configuration of `billing`."""

from django.apps import AppConfig


class BillingConfig(AppConfig):
    """Rate cards, metering, ledger and invoices."""

    name = "billing"
    verbose_name = "Billing"

    def ready(self) -> None:
        """Register what billing adds to core, accounts and hosting."""
        _extend_ground()
        _extend_dashboard()
        _extend_hosting()
        _extend_admin()


def _extend_ground() -> None:
    from accounts.plans import changes
    from billing import emails, finance_exports, spend_caps
    from billing.dashboard import panels as dashboard
    from billing.invoices import tax
    from billing.metering import meter, reconciliation
    from billing.payments import card_refunds, charges, stripe_events
    from core import backup, health, metrics, outbox
    from core.queue import queues

    changes.plan_checks.register(dashboard.check_payable)
    outbox.sources.register(emails.DOCUMENTS)
    backup.reconciliations.register(reconciliation.difference_lines)
    health.queues.register(health.QueueAge("deliveries", meter.oldest_waiting_seconds))
    for figure in meter.figures():
        metrics.database_figures.register(figure)
    for module in (finance_exports, spend_caps, reconciliation):
        queues.register(module.QUEUE)
    for module in (charges, card_refunds, stripe_events):
        queues.register(module.QUEUE)
    tax.engines.register(tax.OWN_RULES)


def _extend_dashboard() -> None:
    from accounts.dashboard import checklist, finders
    from accounts.dashboard.panels import (
        AttentionSource,
        Panel,
        attention_sources,
        banner_sources,
        panels,
    )
    from billing.dashboard import find, own_pages
    from billing.dashboard import panels as dashboard

    own_pages.register()
    checklist.steps.register(own_pages.DETAILS_STEP)
    finders.finders.register(find.INVOICES)
    panels.register(Panel("billing/metering/_month.html", dashboard.month, 20, own_pages.MONEY))
    attention_sources.register(AttentionSource(dashboard.attention, own_pages.MONEY))
    banner_sources.register(dashboard.banners)


def _extend_hosting() -> None:
    from billing import erasure, spend_caps
    from billing.pricing import analytics, estimate, explanation, quote
    from hosting import extensions

    extensions.forecasts.register(estimate.forecast)
    extensions.quotes.register(quote.quotes)
    extensions.message_notes.register(explanation.notes)
    extensions.send_checks.register(spend_caps.check_cap)
    extensions.account_edges.register(
        extensions.AccountEdge("pricing_analytics", analytics.pricing_analytics)
    )
    extensions.message_costs.register(analytics.cost_of_message)
    extensions.erasers.register(erasure.erase_person)


def _extend_admin() -> None:
    from accounts.admin_site import base
    from billing.admin import front

    for link in front.BUSINESS_LINKS:
        base.business_links.register(link)
    for items in (front.incomplete_seller, front.unpriced, front.unsettled):
        base.front_page_attention.register(items)
    for items in (front.money_this_month, front.margin):
        base.front_page_figures.register(items)
    for figures in (front.month_so_far, front.last_invoices):
        base.business_figures.register(figures)

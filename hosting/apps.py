"""App configuration of `hosting`."""

from functools import partial

from django.apps import AppConfig
from django.utils.translation import gettext_noop as _

QUEUES = (
    "events",
    "outgoing",
    "webhook_calls",
    "media_fetches",
    "imports",
    "exports",
    "broadcasts",
)


class HostingConfig(AppConfig):
    """Numbers, conversations, messages, and the ways they come in and go out."""

    name = "hosting"
    verbose_name = "Hosting"

    def ready(self) -> None:
        """Register what hosting adds to core and accounts."""
        _extend_ground()
        _extend_pages()
        _extend_home_page()
        _extend_admin()


def _extend_ground() -> None:
    from accounts import api_keys, team
    from accounts.plans import changes, usage
    from core import backup, health
    from hosting import queue_health, quota
    from hosting.limits import gauges, locked_messages
    from hosting.numbers import onboarding, profile
    from hosting.privacy import erasure

    for queue in QUEUES:
        health.queues.register(health.QueueAge(queue, partial(queue_health.age_of, queue)))
    backup.after_restore.register(erasure.reapply)
    team.business_setups.register(onboarding.create_sandbox)
    api_keys.number_sources.register(profile.key_numbers)
    changes.plan_changed.register(locked_messages.unlock)
    changes.plan_changed.register(quota.unlock)
    for limit in gauges.LIMITS:
        usage.usage_limits.register(limit)


def _extend_pages() -> None:
    from accounts.models import Role
    from accounts.navigation import Page, pages

    agents = frozenset({str(Role.OWNER), str(Role.AGENT)})
    readers = agents | {str(Role.VIEWER)}
    pages.register(Page(_("Inbox"), "inbox", "inbox", 10, agents))
    pages.register(Page(_("Search"), "search", "search", 15, readers))
    pages.register(Page(_("Messages"), "messages", "list", 20))
    pages.register(Page(_("Customers"), "contacts", "users", 25, agents))
    pages.register(Page(_("Broadcasts"), "broadcasts", "send", 28, agents))
    pages.register(Page(_("Phone"), "phones", "phone", 30, agents))


def _extend_home_page() -> None:
    from accounts.models import Role
    from accounts.panels import AttentionSource, Panel, attention_sources, banner_sources, panels
    from hosting import dashboard
    from hosting.limits import notices

    panels.register(Panel("hosting/_today.html", dashboard.today, 10))
    panels.register(Panel("hosting/_usage_panel.html", dashboard.usage_panel, 30))
    attention_sources.register(AttentionSource(dashboard.attention))
    owners = frozenset({str(Role.OWNER)})
    attention_sources.register(AttentionSource(dashboard.failed_webhook_calls, owners))
    banner_sources.register(notices.banners)


def _extend_admin() -> None:
    from accounts.admin_site import base
    from hosting.admin import queues, records

    for link in records.BUSINESS_LINKS:
        base.business_links.register(link)
    base.front_page_figures.register(records.hosted_this_month)
    base.front_page_attention.register(queues.waiting)
    base.front_page_attention.register(records.over_the_plan)

"""App configuration of `hosting`."""

from django.apps import AppConfig


class HostingConfig(AppConfig):
    """Numbers, conversations, messages, and the ways they come in and go out."""

    name = "hosting"
    verbose_name = "Hosting"

    def ready(self) -> None:
        """Register what hosting adds to core and accounts."""
        _register_queues()
        _extend_ground()
        _extend_pages()
        _extend_home_page()
        _extend_admin()


def _register_queues() -> None:
    from core.queue import queues
    from hosting.broadcasts import run
    from hosting.exports import jobs as export_jobs
    from hosting.imports import jobs as import_jobs
    from hosting.inbound import events, upstream_media
    from hosting.limits import notices
    from hosting.message_templates import upstream_sync
    from hosting.privacy import erasure
    from hosting.transports import cloudapi, media_links, receipts, sandbox
    from hosting.webhooks import delivery

    for module in (events, sandbox, media_links, cloudapi, receipts, upstream_media, delivery):
        queues.register(module.QUEUE)
    queues.register(events.PARKED)
    for module in (run, import_jobs, export_jobs, erasure, notices, upstream_sync):
        queues.register(module.QUEUE)


def _extend_ground() -> None:
    from accounts import api_keys, team
    from accounts.plans import changes, usage
    from core import backup
    from hosting import quota
    from hosting.limits import locked_messages, usage_of_limits
    from hosting.numbers import onboarding, profile
    from hosting.privacy import erasure

    backup.after_restore.register(erasure.reapply)
    team.business_setups.register(onboarding.create_sandbox)
    api_keys.number_sources.register(profile.key_numbers)
    changes.plan_changed.register(locked_messages.unlock)
    changes.plan_changed.register(quota.unlock)
    for limit in usage_of_limits.LIMITS:
        usage.usage_limits.register(limit)


def _extend_pages() -> None:
    from accounts.dashboard import finders
    from hosting.dashboard import find, first_steps, own_pages

    own_pages.register()
    first_steps.register()
    finders.finders.register(find.CUSTOMERS)


def _extend_home_page() -> None:
    from accounts.dashboard.panels import (
        AttentionSource,
        Panel,
        attention_sources,
        banner_sources,
        panels,
    )
    from accounts.models import ADMINS
    from hosting.dashboard import panels as dashboard
    from hosting.limits import notices

    panels.register(Panel("hosting/conversations/_today.html", dashboard.today, 10))
    panels.register(Panel("hosting/limits/_usage_panel.html", dashboard.usage_panel, 30))
    attention_sources.register(AttentionSource(dashboard.attention))
    owners = frozenset(map(str, ADMINS))
    attention_sources.register(AttentionSource(dashboard.failed_webhook_calls, owners))
    banner_sources.register(notices.banners)


def _extend_admin() -> None:
    from accounts.admin_site import base
    from hosting.admin import queues, records

    for link in records.BUSINESS_LINKS:
        base.business_links.register(link)
    base.front_page_figures.register(records.hosted_this_month)
    base.front_page_attention.register(queues.unknown_results)
    base.front_page_attention.register(records.over_the_plan)

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
        _leave_out_of_the_audit_log()
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


def _leave_out_of_the_audit_log() -> None:
    from accounts.audit.acts import NotRecorded, not_recorded

    for reason, names in (
        (
            "a team's work with messages, which the conversation itself shows",
            "inbox_reply inbox_templates inbox_resolve inbox_assign inbox_label inbox_unlabel"
            " inbox_snooze inbox_note inbox_note_remove inbox_canned inbox_typing"
            " api_conversation api_messages",
        ),
        (
            "a message or its file, which the message log shows",
            "cloudapi_messages cloudapi_messages_by_key cloudapi_media cloudapi_media_by_key"
            " cloudapi_uploads cloudapi_upload api_media_list message_media",
        ),
        (
            "a simulated customer does it",
            "phones phone phone_switch phone_chat phone_write phone_web phone_tap phone_react"
            " phone_place phone_card phone_about phone_block phone_fail phone_flow phone_pay",
        ),
        (
            "it repeats a webhook call, which the log of calls shows",
            "replay_call api_webhook_delivery_replay test_webhook rerun_webhook check_webhook",
        ),
        ("it changes nothing", "preview_template synchronise_templates flow_preview"),
    ):
        not_recorded.register(NotRecorded(reason, tuple(names.split())))


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

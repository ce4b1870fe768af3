"""App configuration of `hosting`: what was said."""

from functools import partial

from django.apps import AppConfig
from django.utils.translation import gettext_noop as _


class HostingConfig(AppConfig):
    """Numbers, conversations, messages, and the doors they come and go by."""

    name = "hosting"
    verbose_name = "Hosting"

    def ready(self) -> None:
        """Tell the health page which queues there are, and the navigation which pages."""
        from accounts import api_keys, navigation, panels, team
        from accounts.models import Role
        from accounts.plans import changes, usage
        from core import backup, health
        from hosting import dashboard, queue_health
        from hosting.limits import gauges, locked_messages, notices, quota
        from hosting.numbers import onboarding, profile
        from hosting.privacy import erasure

        for queue in (
            "events",
            "outgoing",
            "webhook_calls",
            "media_fetches",
            "imports",
            "exports",
            "broadcasts",
        ):
            health.queues[queue] = partial(queue_health.age_of, queue)

        panels.add(panels.Panel("hosting/_today.html", dashboard.today, 10))
        panels.add(panels.Panel("hosting/_usage_panel.html", dashboard.usage_panel, 30))
        panels.watch(panels.Watch(dashboard.attention))
        panels.watch(panels.Watch(dashboard.failed_webhook_calls, frozenset({str(Role.OWNER)})))
        chats = frozenset({str(Role.OWNER), str(Role.AGENT)})
        navigation.add(navigation.Page(_("Inbox"), "inbox", "inbox", 10, chats))
        readers = chats | {str(Role.VIEWER)}
        navigation.add(navigation.Page(_("Search"), "search", "search", 15, readers))
        navigation.add(navigation.Page(_("Customers"), "contacts", "users", 25, chats))
        navigation.add(navigation.Page(_("Broadcasts"), "broadcasts", "send", 28, chats))
        navigation.add(navigation.Page(_("Phone"), "phones", "phone", 30, chats))
        navigation.add(navigation.Page(_("Messages"), "messages", "list", 20))
        team.founded.append(onboarding.create_sandbox)
        api_keys.number_sources.append(profile.key_numbers)
        changes.changed.append(locked_messages.unlock)
        backup.afterwards.append(erasure.reapply)
        changes.changed.append(quota.unlock)
        usage.gauges[:0] = [gauges.HOSTED, gauges.NUMBERS]
        usage.gauges += gauges.OTHERS
        panels.announce(notices.banners)

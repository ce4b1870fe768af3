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
        from accounts import health, joining, keying, measuring, navigation, panels, planning, safekeeping
        from accounts.models import Role
        from hosting import erasing, gauging, locking, overview, profiling, starting, waiting, warning, weighing

        for queue in ("events", "outgoing", "webhook_calls", "media_fetches", "imports", "exports", "broadcasts"):
            health.queues[queue] = partial(waiting.age_of, queue)

        panels.add(panels.Panel("hosting/_today.html", overview.today, 10))
        panels.add(panels.Panel("hosting/_standing.html", overview.standing, 30))
        panels.watch(panels.Watch(overview.attention))
        panels.watch(panels.Watch(overview.given_up, frozenset({str(Role.OWNER)})))
        chats = frozenset({str(Role.OWNER), str(Role.AGENT)})
        navigation.add(navigation.Page(_("Inbox"), "inbox", "inbox", 10, chats))
        readers = chats | {str(Role.VIEWER)}
        navigation.add(navigation.Page(_("Search"), "search", "search", 15, readers))
        navigation.add(navigation.Page(_("Customers"), "contacts", "users", 25, chats))
        navigation.add(navigation.Page(_("Broadcasts"), "broadcasts", "send", 28, chats))
        navigation.add(navigation.Page(_("Phone"), "phones", "phone", 30, chats))
        navigation.add(navigation.Page(_("Messages"), "messages", "list", 20))
        joining.founded.append(starting.give_sandbox)
        keying.number_sources.append(profiling.key_numbers)
        planning.changed.append(locking.unlock)
        safekeeping.afterwards.append(erasing.reapply)
        planning.changed.append(weighing.unlock)
        measuring.gauges[:0] = [gauging.HOSTED, gauging.NUMBERS]
        measuring.gauges += gauging.OTHERS
        panels.announce(warning.banners)

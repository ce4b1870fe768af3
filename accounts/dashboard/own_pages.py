"""The pages and settings of accounts itself."""

from django.utils.translation import gettext_noop as _

from accounts.dashboard import checklist, panels
from accounts.dashboard.navigation import (
    AUDIT,
    BILLING,
    DEVELOPERS,
    TEAM,
    Page,
    Setting,
    pages,
    settings,
)
from accounts.models import ADMINS, Role


def register() -> None:
    """Register the home page and the settings of team, plan, keys and audit log."""
    admins = frozenset(map(str, ADMINS))
    checklist.steps.register(checklist.INVITE)
    panels.panels.register(
        panels.Panel("accounts/_checklist.html", checklist.load, -10, checklist.ROLES)
    )
    pages.register(Page(_("Home"), "home", "home", 0, words=_("start, overview, dashboard")))
    for setting in (
        Setting(
            TEAM,
            _("Members and roles"),
            "team",
            "users",
            30,
            admins,
            _("Who works here, what they may do, invitations, two-factor login."),
            _("team, people, invite, member, role, colleague, two-factor, 2fa, permissions"),
        ),
        Setting(
            BILLING,
            _("Plan"),
            "plan",
            "signal",
            40,
            frozenset({str(Role.OWNER)}),
            _("What may be used, how much of it is, and the other plans."),
            _("plan, upgrade, downgrade, subscription, limits, quota, seats"),
        ),
        Setting(
            DEVELOPERS,
            _("API keys"),
            "keys",
            "key",
            70,
            admins,
            _("Let your own systems send and read messages."),
            _("api key, token, access token, secret, scope, developer"),
        ),
        Setting(
            AUDIT,
            _("Audit log"),
            "audit",
            "history",
            90,
            admins,
            _("Who changed what, when and from where."),
            _("audit, log, history, changes, compliance"),
        ),
    ):
        settings.register(setting)

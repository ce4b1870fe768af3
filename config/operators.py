"""Groups of operators: what support, finance and engineering may see and do in the admin.

Every `migrate` resets these groups to what is defined here; an installation that needs others
creates its own. Patterns match codenames of permissions. None of them may change users or delete.
"""

from fnmatch import fnmatchcase
from typing import Any

from django.apps import AppConfig, apps

GROUPS: dict[str, dict[str, tuple[str, ...]]] = {
    "Support": {
        "core": ("view_email",),
        "accounts": ("view_*", "enter_business", "open_messages"),
        "hosting": ("view_*",),
        "shops": ("view_*",),
        "billing": ("view_invoice", "view_payment", "view_usage", "view_charge", "view_quarantine"),
    },
    "Finance": {
        "core": ("view_email", "change_email"),
        "accounts": (
            "view_business",
            "view_membership",
            "view_plan",
            "change_plan",
            "add_plan",
            "view_auditentry",
        ),
        "billing": ("view_*", "add_*", "change_*"),
    },
    "Engineering": {
        "core": ("view_*", "change_email"),
        "accounts": ("view_*",),
        "hosting": ("view_*", "change_*"),
        "shops": (
            "view_*",
            "change_incomingorder",
            "change_orderupdate",
            "change_picture",
            "change_buyerpayment",
            "change_buyerrefund",
            "change_shopgatewayevent",
        ),
        "billing": (
            "view_*",
            "change_quarantine",
            "change_spendalert",
            "change_gatewayevent",
            "change_recount",
        ),
        "axes": ("view_*", "delete_accessattempt"),
    },
}


def set_group_permissions(sender: AppConfig, using: str, **_: Any) -> None:
    """Receiver of post_migrate: give each group its permissions on the models of one app."""
    Group, Permission = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    known = {
        row.codename: row
        for row in Permission.objects.using(using).filter(content_type__app_label=sender.label)
    }
    for name, apps_of in GROUPS.items():
        patterns = apps_of.get(sender.label, ())
        wanted = [
            row
            for code, row in known.items()
            if any(fnmatchcase(code, pattern) for pattern in patterns)
        ]
        group, _made = Group.objects.using(using).get_or_create(name=name)
        group.permissions.remove(*(row for row in known.values() if row not in wanted))
        group.permissions.add(*wanted)

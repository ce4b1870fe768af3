"""Appearance and menu of the admin (the UNFOLD setting)."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse_lazy
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _


def _entry(title: Any, icon: str, model: str) -> dict[str, Any]:
    app = model.partition("_")[0]
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{model}_changelist"),
        "permission": lambda request, app=app, model=model: _may_see(
            request, app, model.partition("_")[2]
        ),
    }


def _may_see(request: HttpRequest, app: str, model: str) -> bool:
    return request.user.has_perm(f"{app}.view_{model}")


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Parley",
    "SITE_HEADER": "Parley",
    "SITE_SUBHEADER": _("Operations"),
    "SITE_SYMBOL": "forum",
    "SITE_URL": "/",
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "DASHBOARD_CALLBACK": "accounts.admin_site.base.front_page",
    "COLORS": {
        "primary": {
            "50": "oklch(97.1% .02 166)",
            "100": "oklch(94% .05 166)",
            "200": "oklch(89% .09 166)",
            "300": "oklch(82% .12 166)",
            "400": "oklch(73% .14 166)",
            "500": "oklch(63% .13 166)",
            "600": "oklch(52% .11 166)",
            "700": "oklch(44% .09 166)",
            "800": "oklch(37% .08 166)",
            "900": "oklch(31% .06 166)",
            "950": "oklch(22% .05 166)",
        },
    },
    "SIDEBAR": {
        "show_search": True,
        "command_search": True,
        "show_all_applications": False,
        # At most fifteen entries; all other lists are on the overview and in the search.
        "navigation": [
            {
                "title": _("Accounts"),
                "separator": True,
                "items": [
                    {
                        "title": _("Overview"),
                        "icon": "monitoring",
                        "link": reverse_lazy("admin:index"),
                    },
                    _entry(_("Businesses"), "storefront", "accounts_business"),
                    _entry(_("People"), "person", "accounts_user"),
                    _entry(_("Plans"), "sell", "accounts_plan"),
                    _entry(_("Audit log"), "history", "accounts_auditentry"),
                ],
            },
            {
                "title": _("Messaging"),
                "separator": True,
                "items": [
                    _entry(_("Numbers"), "call", "hosting_number"),
                    _entry(_("Channels"), "hub", "hosting_upstream"),
                    _entry(_("Templates"), "description", "hosting_template"),
                ],
            },
            {
                "title": _("Commerce"),
                "separator": True,
                "items": [
                    _entry(_("Shops"), "shopping_bag", "shops_catalog"),
                    _entry(_("Orders"), "shopping_cart", "shops_order"),
                ],
            },
            {
                "title": _("Billing"),
                "separator": True,
                "items": [
                    _entry(_("Invoices"), "request_quote", "billing_invoice"),
                    _entry(_("Payments"), "payments", "billing_payment"),
                    _entry(_("Rate cards"), "price_change", "billing_ratecard"),
                    _entry(_("Reconciliation"), "fact_check", "billing_recount"),
                ],
            },
            {
                "title": _("Queues"),
                "separator": True,
                "items": [
                    {
                        "title": _("All queues"),
                        "icon": "stacks",
                        "link": format_lazy("{}#attention", reverse_lazy("admin:index")),
                    },
                ],
            },
        ],
    },
}

"""Every act of a member, an operator or a key is in the audit log, or among those that need not."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.messages import ERROR, get_messages
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from accounts.api import BusinessAPIMixin
from accounts.audit import acts
from accounts.models import AuditEntry
from core.tenancy import system
from hosting.models import SimulatedPhone
from tests.address_rows import ROWS, ForKeys
from tests.factories import make_business, make_key, make_member, make_number
from tests.test_matrix import PARTS, in_parts, stage, staged

__all__ = ["stage", "staged"]
pytestmark = pytest.mark.django_db

# Addresses that neither members' pages, keys nor the admin answer, and why nothing is recorded.
OTHERS = {
    "nobody is logged in, or a login concerns a person, not a business": {
        "switch_business",
        "end_session",
        "language",
        "create_business",
        "accept_invitation",
        "end_viewing",
        "resend_verification",
    },
    "it changes nothing": {
        *("healthz", "readyz", "status", "metrics", "api_not_found", "development_mails"),
        *("api_schema", "api_docs", "qr_image", "export_file", "media_download"),
        "flow_download",
    },
    "a buyer or payer does it; payments and orders are rows of their own": {
        *("pay", "pay_by_card", "pay_pdf", "shop_pay", "shop_pay_delivery", "shop_pay_card"),
        *("shop_pay_page", "shop_pay_confirm", "shop_pay_later", "shop_receipt"),
        *("shop_front", "shop_collection", "shop_front_product", "shop_cart", "shop_change_cart"),
        *("shop_chat", "shop_qr", "shop_picture"),
    },
    "a network does it, and its events are rows of their own": {
        *("stripe_webhook", "shop_stripe", "incoming_webhooks"),
    },
    "its last step is a member's page": {"add_webhook", "connect_upstream"},
}


def _addresses(resolver: URLResolver, prefix: str = "") -> Iterator[URLPattern]:
    for entry in resolver.url_patterns:
        pattern = prefix + str(entry.pattern)
        if pattern.startswith(("admin/", "account/")):
            continue
        if isinstance(entry, URLPattern):
            yield entry
        else:
            yield from _addresses(entry, pattern)


def _is_recorded(entry: URLPattern) -> bool:
    view: Any = entry.callback
    made = getattr(view, "cls", None) or getattr(view, "view_class", None)
    return getattr(view, "records_acts", False) or (
        made is not None and issubclass(made, BusinessAPIMixin)
    )


def test_every_address_is_recorded_by_default_or_named_with_a_reason() -> None:
    entries = list(_addresses(get_resolver()))
    others = set().union(*OTHERS.values())
    silent = {str(one.name) for one in entries if not _is_recorded(one)} - set(acts.reasons())
    assert silent - {"api_root"} == others
    known = {str(one.name) for one in entries}
    assert set(acts.reasons()) - known == set(), "addresses that are gone"
    assert all(len(reason) > 10 for reason in acts.reasons().values())


def test_what_concerns_money_access_exports_settings_and_shops_is_never_left_out() -> None:
    words = (
        *("key", "team", "member", "plan", "audit", "export", "setting", "billing", "method"),
        *("refund", "product", "order", "upstream", "retention", "secret", "number", "erase"),
    )
    named = [name for name in acts.reasons() if any(word in name for word in words)]
    assert sorted(named) == [
        "api_product_stock",
        "cloudapi_media_by_key",
        "cloudapi_messages_by_key",
        "inbox_products",
        "shop_order_receipt",
    ]


@in_parts
def test_what_succeeds_is_in_the_log(stage: dict[str, Any], part: int) -> None:
    """Every address as the owner or with a key: what it did, or the file it gave, is recorded."""
    missing, seen = [], 0
    for name, row in list(ROWS.items())[part::PARTS]:
        who = "own key" if isinstance(row, ForKeys) else "owner"
        path = row.path.format(**stage["names"])
        for method in ("GET", "POST"):
            with transaction.atomic():
                has_acted, entries = _ask(stage["clients"][who], method, path, FORMS.get(name))
                transaction.set_rollback(True)
            if has_acted and not entries and not _may_be_silent(name):
                missing.append(f"{name} {method}")
            seen += bool(entries)
    assert (missing, seen >= 2) == ([], True)


def _may_be_silent(name: str) -> bool:
    return name in acts.reasons() or name in set().union(*OTHERS.values())


# Without a form these repeat what is so already, which is no act.
FORMS = {"contact_hold": {"held": "1"}, "retention_change": {"days": "30"}}


def _ask(client: Client, method: str, path: str, form: dict[str, str] | None) -> tuple[bool, int]:
    with system("test"):
        before = AuditEntry.objects.count()
    answer: Any = client.generic(method, path) if method == "GET" else client.post(path, form)
    kept = answer.headers.get("Content-Disposition", "").startswith("attachment")
    # The fast path has no messages to members.
    queued = getattr(get_messages(answer.wsgi_request), "_queued_messages", ())
    failed = any(one.level >= ERROR for one in queued)
    with system("test"):
        entries = AuditEntry.objects.count() - before
    has_acted = answer.status_code < 400 and not failed and (kept or method == "POST")
    return has_acted, entries


def test_a_key_is_named_and_only_its_own_business_has_the_entry(settings: Any) -> None:
    mine, other = make_business("Mine"), make_business("Other")
    number = make_number(mine)
    make_number(other)
    key = make_key(mine)
    client = Client(headers={"Authorization": f"Bearer {key}"})
    path = f"/v23.0/{number.phone_number_id}/message_qrdls"
    assert client.post(path, {"prefilled_message": "hi"}).status_code == 200
    assert client.post(path, {}).status_code == 400
    with system("test"):
        (entry,) = AuditEntry.objects.all()
    assert (entry.business_id, entry.action, entry.actor_name, entry.subject) == (
        mine.pk,
        "cloudapi_chat_links",
        f"key {key[:15]}",
        f"phone_number_id {number.phone_number_id}",
    )


def test_a_refused_act_leaves_no_entry() -> None:
    business = make_business()
    owner = Client()
    backend = "django.contrib.auth.backends.ModelBackend"
    owner.force_login(make_member(business), backend=backend)
    assert owner.post(reverse("retention_change", args=["1"])).status_code == 404
    with system("test"):
        assert not AuditEntry.objects.exists()


def test_operators_changes_name_customers_by_id_alone(admin_client: Client) -> None:
    business = make_business()
    make_number(business)
    with system("test"):
        phone = SimulatedPhone.objects.create(business=business, wa_id="4915550001111", name="Old")
    address = reverse("admin:hosting_simulatedphone_change", args=[phone.pk])
    form = {"business": business.pk, "wa_id": "4915550001112", "name": "Zebulon"}
    form |= {"is_online": "on", "created_at_0": "2026-01-01", "created_at_1": "00:00:00"}
    assert admin_client.post(address, form).status_code == 302
    with system("test"):
        entry = AuditEntry.objects.get(action="simulatedphone.changed")
    assert entry.subject == f"simulated phone {phone.pk}"
    assert (entry.after["name"], entry.after["wa_id"]) == ("changed", "changed")
    assert "Zebulon" not in str(entry.before | entry.after)

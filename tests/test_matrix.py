"""Every URL x method x role, by the URL resolver: a URL without a row here fails the test.

Another business's id is 404, a forbidden one 403; without login 302 (pages) or 401 (API).
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.conf import settings
from django.contrib import admin
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.admin_site.base import ReadOnlyAdmin
from accounts.models import ApiKey, Business, Membership, User
from core.tenancy import system
from hosting.models import Account, Webhook
from tests.factories import make_business, make_key, make_member, make_number
from tests.shops.sample_data import make_catalog
from tests.staging import one_of_everything

pytestmark = pytest.mark.django_db
SESSIONS = (
    "anonymous",
    "stranger owner",
    "stranger finance",
    "viewer",
    "agent",
    "finance",
    "admin",
    "owner",
    "operator without permission",
    "operator",
    "revoked key",
)
OWN = ("viewer", "agent", "finance", "admin", "owner")
# What is for keys looks at no session: whose it is makes no difference.
WITHOUT_KEYS = ("anonymous", "owner", "operator", "revoked key")


@dataclass(frozen=True)
class Row:
    """Expected answers of a URL: allowed roles, whether it has an object, and statuses."""

    path: str
    who: tuple[str, ...] = OWN
    names_a_row: bool = False
    get: int = 405
    post: int = 405

    def expected(self, role: str, method: str) -> int:
        ok = self.get if method == "GET" else self.post
        if ok == 405:
            return 405
        if role in ("anonymous", "revoked key"):
            return 302
        if role.startswith("operator"):
            return 403
        own_role = role.removeprefix("stranger ")
        if own_role not in self.who:
            return 403
        return 404 if role.startswith("stranger") and self.names_a_row else ok


@dataclass(frozen=True)
class ForEveryone(Row):
    """The same answer whoever asks."""

    def expected(self, role: str, method: str) -> int:
        return self.get if method == "GET" else self.post


@dataclass(frozen=True)
class ForLogins(Row):
    """Any login; the business does not matter."""

    def expected(self, role: str, method: str) -> int:
        ok = self.get if method == "GET" else self.post
        return 302 if ok != 405 and role in ("anonymous", "revoked key") else ok


@dataclass(frozen=True)
class ForKeys(Row):
    """Programs only: no session opens it, a dead key does not, a stranger's finds nothing."""

    foreign: int = 404
    foreign_post: int = 0

    def expected(self, role: str, method: str) -> int:
        ok = self.get if method == "GET" else self.post
        foreign = self.foreign_post if method == "POST" and self.foreign_post else self.foreign
        return {"own key": ok, "stranger's key": ok if ok == 405 else foreign}.get(role, 401)


@dataclass(frozen=True)
class Staged:
    """The ids of rows by their name in addresses; sessions and keys by role."""

    names: dict[str, Any]
    sessions: dict[str, str]
    keys: dict[str, str]


CHATS = ("agent", "admin", "owner")
MONEY = ("finance", "owner")
ADMINS = ("admin", "owner")
OWNER = ("owner",)
THREAD = "/inbox/{thread}"
PHONE = "/phone/{simulated_phone}"
ROWS: dict[str, Row] = {
    "qr_image": ForEveryone("/qr/ABCDEFGHIJKLMN.svg", get=200),
    "healthz": ForEveryone("/healthz", get=200, post=200),
    "readyz": ForEveryone("/readyz", get=200, post=200),
    # Without its token: see tests/core/test_metrics.py.
    "metrics": ForEveryone("/metrics", get=404, post=404),
    "status": ForEveryone("/status", get=503, post=503),
    "api_schema": ForEveryone("/api/v1/schema/", get=200),
    "api_docs": ForEveryone("/api/v1/docs/", get=200),
    "api_not_found": ForEveryone("/api/v1/nowhere", get=404, post=404),
    "home": Row("/", get=200),
    "demo_progress": Row("/demo/progress/", get=286),
    "profile": Row("/you/", get=200),
    "switch_business": ForLogins("/you/business/", post=404),
    "end_viewing": ForLogins("/you/viewing/end/", post=404),
    "end_session": ForLogins("/you/sessions/1/end/", post=404),
    "development_mails": ForEveryone("/mails/", get=200),
    "language": ForEveryone("/you/language/", post=302),
    "keys": Row("/keys/", ADMINS, get=200, post=200),
    "revoke_key": Row("/keys/{key}/revoke/", ADMINS, True, post=302),
    "replace_key": Row("/keys/{key}/replace/", ADMINS, True, post=200),
    "resend_verification": ForEveryone("/start/resend/", post=302),
    "create_business": ForLogins("/start/", get=200, post=400),
    "plan": Row("/settings/plan/", OWNER, get=200),
    "settings": Row("/settings/", get=200),
    "find": Row("/find/?q=ada", get=200),
    "audit": Row("/settings/audit/", ADMINS, get=200),
    "choose_plan": Row("/settings/plan/choose/", OWNER, post=404),
    "keep_plan": Row("/settings/plan/keep/", OWNER, post=302),
    "team": Row("/team/", ADMINS, get=200, post=400),
    "require_mfa": Row("/team/mfa/", ADMINS, post=302),
    "leave_business": Row("/team/leave/", post=302),
    "change_role": Row("/team/{member}/role/", ADMINS, True, post=400),
    "remove_member": Row("/team/{member}/remove/", ADMINS, True, post=302),
    "transfer_business": Row("/team/{member}/transfer/", OWNER, True, post=302),
    "withdraw_invitation": Row("/team/invitations/{invitation}/withdraw/", ADMINS, True, post=302),
    "accept_invitation": ForLogins("/join/unknown-token/", get=404, post=404),
    "inbox": Row("/inbox/", CHATS, get=200),
    "inbox_rows": Row("/inbox/rows/", CHATS, get=200),
    "inbox_thread": Row(THREAD + "/", CHATS, True, get=200),
    "inbox_messages": Row(THREAD + "/messages/", CHATS, True, get=200),
    "inbox_reply": Row(THREAD + "/reply/", CHATS, True, post=422),
    "inbox_templates": Row(THREAD + "/templates/", CHATS, True, get=200, post=200),
    "new_conversation": Row("/inbox/new/", CHATS, get=200, post=422),
    "first_message": Row("/inbox/first/", CHATS, post=302),
    "inbox_change_many": Row("/inbox/change/", CHATS, post=400),
    "inbox_react": Row(THREAD + "/react/", CHATS, True, post=302),
    "inbox_resolve": Row(THREAD + "/resolve/", CHATS, True, post=302),
    "inbox_label": Row(THREAD + "/labels/", CHATS, True, post=302),
    "inbox_unlabel": Row(THREAD + "/labels/1/remove/", CHATS, True, post=302),
    "inbox_snooze": Row(THREAD + "/snooze/", CHATS, True, post=302),
    "inbox_note": Row(THREAD + "/note/", CHATS, True, get=200, post=422),
    "inbox_note_remove": Row(THREAD + "/notes/1/remove/", CHATS, True, post=404),
    "inbox_canned": Row(THREAD + "/canned/", CHATS, True, get=200),
    "inbox_typing": Row(THREAD + "/typing/", CHATS, True, post=204),
    "inbox_settings": Row("/settings/inbox/", CHATS, get=200),
    "add_canned_reply": Row("/settings/inbox/replies/", CHATS, post=422),
    "remove_canned_reply": Row("/settings/inbox/replies/{canned}/remove/", CHATS, True, post=302),
    "change_label": Row("/settings/inbox/labels/{label}/", CHATS, True, post=302),
    "remove_label": Row("/settings/inbox/labels/{label}/remove/", CHATS, True, post=302),
    "inbox_assign": Row(THREAD + "/assign/", CHATS, True, post=302),
    "search": Row("/search/?q=x", (*CHATS, "viewer"), get=200),
    "contacts": Row("/contacts/", CHATS, get=200),
    "contact": Row("/contacts/{contact}/", CHATS, True, get=200, post=302),
    "contact_merge": Row("/contacts/{contact}/merge/", CHATS, True, post=302),
    "contact_block": Row("/contacts/{contact}/block/", CHATS, True, post=404),
    "contact_marketing": Row("/contacts/{contact}/marketing/", CHATS, True, post=302),
    "contact_hold": Row("/contacts/{contact}/hold/", ADMINS, True, post=302),
    "contact_data": Row("/contacts/{contact}/data/", ADMINS, True, get=200),
    "contact_erase": Row("/contacts/{contact}/erase/", ADMINS, True, post=302),
    "business": Row("/settings/business/", ADMINS, get=200, post=400),
    "forget_everybody": Row("/settings/business/forget/", OWNER, post=302),
    "numbers": Row("/settings/numbers/", ADMINS, get=200),
    "add_number": Row("/settings/numbers/add/", ADMINS, post=302),
    "number": Row("/settings/numbers/{number}/", ADMINS, True, get=200, post=400),
    "retention": Row("/retention/", ADMINS, get=200),
    "retention_change": Row("/retention/{number}/", ADMINS, True, post=302),
    "messages": Row("/messages/", get=200),
    "message": Row("/messages/{message}/", names_a_row=True, get=200),
    "message_media": Row("/messages/media/{media}/", names_a_row=True, get=302),
    "upstreams": Row("/settings/networks/", ADMINS, get=200),
    "connect_upstream": Row("/settings/networks/connect/", ADMINS, post=422),
    "disconnect_upstream": Row("/settings/networks/{waba}/disconnect/", ADMINS, True, post=302),
    "templates": Row("/settings/templates/", ADMINS, get=200),
    "new_template": Row("/settings/templates/new/", ADMINS, get=200, post=422),
    "preview_template": Row("/settings/templates/preview/", ADMINS, post=200),
    "synchronise_templates": Row("/settings/templates/synchronise/", ADMINS, post=302),
    "template": Row("/settings/templates/{template}/", ADMINS, True, get=200),
    "delete_template": Row("/settings/templates/{template}/delete/", ADMINS, True, post=302),
    "webhooks": Row("/settings/webhooks/", ADMINS, get=200),
    "add_webhook": Row("/settings/webhooks/add/", ADMINS, post=422),
    "webhook_log": Row("/settings/webhooks/log/", ADMINS, get=200),
    "network_notices": Row("/settings/webhooks/notices/", ADMINS, get=200),
    "webhook_call": Row("/settings/webhooks/calls/{call}/", ADMINS, True, get=200),
    "replay_call": Row("/settings/webhooks/calls/{call}/replay/", ADMINS, True, post=302),
    "change_secret": Row("/settings/webhooks/accounts/{waba}/secret/", ADMINS, True, post=302),
    "end_secret": Row("/settings/webhooks/accounts/{waba}/secret/end/", ADMINS, True, post=302),
    "webhook": Row("/settings/webhooks/{webhook}/", ADMINS, True, get=200),
    "switch_webhook": Row("/settings/webhooks/{webhook}/switch/", ADMINS, True, post=302),
    "webhook_fields": Row("/settings/webhooks/{webhook}/fields/", ADMINS, True, post=302),
    "check_webhook": Row("/settings/webhooks/{webhook}/check/", ADMINS, True, post=302),
    "test_webhook": Row("/settings/webhooks/{webhook}/test/", ADMINS, True, post=302),
    "rerun_webhook": Row("/settings/webhooks/{webhook}/rerun/", ADMINS, True, post=302),
    "remove_webhook": Row("/settings/webhooks/{webhook}/remove/", ADMINS, True, post=302),
    "message_thumbnail": Row("/messages/media/{media}/thumbnail/", names_a_row=True, get=302),
    "broadcasts": Row("/broadcasts/", CHATS, get=200),
    "new_broadcast": Row("/broadcasts/new/", CHATS, get=200, post=422),
    "opt_outs": Row("/broadcasts/opt-outs/", CHATS, get=200, post=422),
    "broadcast": Row("/broadcasts/{broadcast}/", CHATS, True, get=200),
    "broadcast_start": Row("/broadcasts/{broadcast}/start/", CHATS, True, post=302),
    "broadcast_pause": Row("/broadcasts/{broadcast}/pause/", CHATS, True, post=302),
    "broadcast_resume": Row("/broadcasts/{broadcast}/resume/", CHATS, True, post=302),
    "broadcast_cancel": Row("/broadcasts/{broadcast}/cancel/", CHATS, True, post=302),
    "broadcast_results": Row("/broadcasts/{broadcast}/results/", CHATS, True, get=200),
    "imports": Row("/history/imports/", ADMINS, get=200, post=422),
    "import": Row("/history/imports/{import}/", ADMINS, True, get=200, post=422),
    "import_cancel": Row("/history/imports/{import}/cancel/", ADMINS, True, post=302),
    "import_undo": Row("/history/imports/{import}/undo/", ADMINS, True, post=409),
    "exports": Row("/history/exports/", ADMINS, get=200, post=422),
    "export_cancel": Row("/history/exports/{export}/cancel/", ADMINS, True, post=302),
    "export_download": Row("/history/exports/{export}/download/", ADMINS, True, get=404),
    # Opened by its signature alone, which is tested in tests/hosting.
    "export_file": ForEveryone("/history/file/unsigned", get=404),
    "phones": Row("/phone/", CHATS, get=200, post=200),
    "phone": Row(PHONE + "/", CHATS, True, get=200),
    "phone_switch": Row(PHONE + "/switch/", CHATS, True, post=302),
    "phone_chat": Row(PHONE + "/{number}/", CHATS, True, get=200),
    "phone_write": Row(PHONE + "/{number}/write/", CHATS, True, post=302),
    "shop_orders": Row("/shop/orders/", CHATS, get=200),
    "shop_order": Row("/shop/orders/{order}/", CHATS, True, get=200),
    "shop_order_receipt": Row("/shop/orders/{order}/receipt.pdf", CHATS, True, get=200),
    "shop_order_act": Row("/shop/orders/{order}/pack/", CHATS, True, post=302),
    "api_orders": ForKeys("/api/v1/orders/", get=200, foreign=200),
    "api_order": ForKeys("/api/v1/orders/{order}/", get=200),
    "api_order_steps": ForKeys("/api/v1/orders/{order}/steps/", post=415, foreign_post=404),
    "api_order_refunds": ForKeys("/api/v1/orders/{order}/refunds/", post=415, foreign_post=404),
    "inbox_products": Row(THREAD + "/products/", CHATS, True, get=200, post=422),
    "phone_shop": Row(PHONE + "/{number}/shop/", CHATS, True, get=200, post=200),
    "shop_pay": ForEveryone("/s/pay/unknown-token/", get=404),
    "shop_pay_delivery": ForEveryone("/s/pay/unknown-token/delivery/", post=404),
    "shop_pay_card": ForEveryone("/s/pay/unknown-token/card/", post=404),
    "shop_pay_page": ForEveryone("/s/pay/unknown-token/page/", post=404),
    "shop_stripe": ForEveryone("/webhooks/shops/1/stripe/", post=404),
    "shop_pay_confirm": ForEveryone("/s/pay/unknown-token/confirm/", post=404),
    "shop_pay_later": ForEveryone("/s/pay/unknown-token/later/", post=404),
    "shop_receipt": ForEveryone("/s/pay/unknown-token/receipt.pdf", get=404),
    "phone_web": Row(PHONE + "/{number}/web/?to=/s/shop/", CHATS, True, get=200),
    "phone_react": Row(PHONE + "/{number}/react/{message}/", CHATS, True, post=302),
    "phone_flow": Row(PHONE + "/{number}/flow/{message}/", CHATS, True, get=404, post=404),
    "flow_preview": ForEveryone("/flows/preview/unknown-token", get=404),
    "phone_place": Row(PHONE + "/{number}/place/", CHATS, True, get=200, post=200),
    "phone_card": Row(PHONE + "/{number}/card/", CHATS, True, get=200, post=200),
    "phone_about": Row(PHONE + "/{number}/about/", CHATS, True, get=200),
    "phone_block": Row(PHONE + "/{number}/block/", CHATS, True, post=302),
    "phone_fail": Row(PHONE + "/{number}/fail/", CHATS, True, post=302),
    "phone_tap": Row(PHONE + "/{number}/tap/{message}/", CHATS, True, post=404),
    "shop_sales": Row("/shop/", (*CHATS, "finance"), get=200),
    "shop_fetch_again": Row("/shop/products/pictures/again/", CHATS, get=405, post=302),
    "shop_products": Row("/shop/products/", CHATS, get=200),
    "shop_new_product": Row("/shop/products/new/", CHATS, get=200, post=422),
    "shop_product": Row("/shop/products/{product}/", CHATS, True, get=200, post=422),
    "shop_stock": Row("/shop/products/{product}/stock/", CHATS, True, post=302),
    "shop_add_picture": Row("/shop/products/{product}/pictures/", CHATS, True, post=302),
    "shop_change_picture": Row("/shop/products/{product}/pictures/1/", CHATS, True, post=404),
    "shop_remove_product": Row("/shop/products/{product}/remove/", CHATS, True, post=302),
    "shop_imports": Row("/shop/imports/", CHATS, get=200, post=422),
    "shop_import": Row("/shop/imports/{feed}/", CHATS, True, get=200, post=302),
    "shop_import_cancel": Row("/shop/imports/{feed}/cancel/", CHATS, True, post=302),
    "shop_import_problems": Row("/shop/imports/{feed}/problems.csv", CHATS, True, get=200),
    "shop_export": Row("/shop/products.csv", CHATS, get=200),
    "shop_settings": Row("/shop/settings/", ADMINS, get=200, post=422),
    "shop_add_delivery": Row("/shop/settings/delivery/", ADMINS, post=302),
    "shop_remove_delivery": Row(
        "/shop/settings/delivery/{delivery}/remove/", ADMINS, True, post=302
    ),
    "shop_add_collection": Row("/shop/collections/", CHATS, post=302),
    "shop_remove_collection": Row("/shop/collections/{collection}/remove/", ADMINS, True, post=302),
    "shop_front": ForEveryone("/s/{shop}/", get=200),
    "shop_collection": ForEveryone("/s/{shop}/c/bread/", get=200),
    "shop_front_product": ForEveryone("/s/{shop}/p/{product}/", get=200),
    "shop_cart": ForEveryone("/s/{shop}/cart/", get=200),
    "shop_change_cart": ForEveryone("/s/{shop}/cart/change/", post=422),
    "shop_chat": ForEveryone("/s/{shop}/chat/", get=302),
    "shop_qr": ForEveryone("/s/{shop}/chat.svg", get=200),
    "shop_picture": ForEveryone("/s/{shop}/pictures/1/160.webp", get=404),
    "usage": Row("/usage/", MONEY, get=200),
    "rates": Row("/usage/rates/", MONEY, get=200),
    "estimate": Row("/usage/estimate/", (*CHATS, "finance"), get=200, post=422),
    "charge": Row("/charges/{message}/", names_a_row=True, get=200),
    "invoices": Row("/invoices/", MONEY, get=200),
    "credit_note": Row("/invoices/credit-notes/{credit_note}/lines/", MONEY, True, get=200),
    "change_method": Row("/invoices/method/", MONEY, post=302),
    "method_saved": Row("/invoices/method/saved/", MONEY, get=302),
    "remove_method": Row("/invoices/method/drop/", MONEY, post=302),
    "pay_now": Row("/invoices/{invoice}/pay/", MONEY, True, post=302),
    "pay": ForEveryone("/pay/{pay_token}/", get=200),
    "pay_by_card": ForEveryone("/pay/{pay_token}/card/", post=409),
    "pay_pdf": ForEveryone("/pay/nonsense/pdf/", get=404),
    "billing_details": Row("/invoices/details/", MONEY, get=200, post=422),
    "invoice_draft": Row("/invoices/draft/", MONEY, get=200),
    "invoice": Row("/invoices/{invoice}/", MONEY, True, get=200),
    "invoice_line": Row("/invoices/{invoice}/lines/1/", MONEY, True, get=200),
    "invoice_download": Row("/invoices/{invoice}/lines/", MONEY, True, get=200),
    "api_root": ForKeys("/api/v1/", get=200, foreign=200),
    "api_usage": ForKeys("/api/v1/usage/", get=200, foreign=200),
    "api_charges": ForKeys("/api/v1/charges/", get=200, foreign=200),
    "api_charge": ForKeys("/api/v1/charges/{message}/", get=200),
    "api_imports": ForKeys("/api/v1/imports/", get=200, foreign=200, post=400, foreign_post=400),
    "api_import": ForKeys("/api/v1/imports/{import}/", get=200),
    "api_import_start": ForKeys("/api/v1/imports/{import}/start/", post=415),
    "api_import_cancel": ForKeys("/api/v1/imports/{import}/cancel/", post=200),
    "api_import_undo": ForKeys("/api/v1/imports/{import}/undo/", post=409),
    "api_exports": ForKeys("/api/v1/exports/", get=200, foreign=200, post=415, foreign_post=415),
    "api_export": ForKeys("/api/v1/exports/{export}/", get=200),
    "api_export_cancel": ForKeys("/api/v1/exports/{export}/cancel/", post=200),
    "finance_exports": Row("/invoices/exports/", MONEY, get=200, post=422),
    "finance_export_cancel": Row(
        "/invoices/exports/{finance_export}/cancel/", MONEY, True, post=302
    ),
    "finance_export_resume": Row(
        "/invoices/exports/{finance_export}/resume/", MONEY, True, post=409
    ),
    "finance_export_file": Row("/invoices/exports/{finance_export}/file/", MONEY, True, get=404),
    "api_finance_exports": ForKeys(
        "/api/v1/invoices/exports/", get=200, foreign=200, post=415, foreign_post=415
    ),
    "api_finance_export": ForKeys("/api/v1/invoices/exports/{finance_export}/", get=200),
    "api_finance_export_cancel": ForKeys(
        "/api/v1/invoices/exports/{finance_export}/cancel/", post=200
    ),
    "api_finance_export_resume": ForKeys(
        "/api/v1/invoices/exports/{finance_export}/resume/", post=409
    ),
    "api_finance_export_file": ForKeys("/api/v1/invoices/exports/{finance_export}/file/", get=404),
    "api_invoices": ForKeys("/api/v1/invoices/", get=200, foreign=200),
    "api_invoice": ForKeys("/api/v1/invoices/{invoice}/", get=200),
    "api_invoice_messages": ForKeys("/api/v1/invoices/{invoice}/messages.csv", get=200),
    "api_invoice_document": ForKeys("/api/v1/invoices/{invoice}/documents/lines/", get=200),
    "api_conversations": ForKeys("/api/v1/conversations/", get=200, foreign=200),
    "api_conversation": ForKeys("/api/v1/conversations/{thread}/", get=200),
    "api_conversation_messages": ForKeys("/api/v1/conversations/{thread}/messages/", get=200),
    "api_messages": ForKeys("/api/v1/messages/", get=200, foreign=200, post=415, foreign_post=415),
    "api_message": ForKeys("/api/v1/messages/{message}/", get=200),
    "api_contacts": ForKeys("/api/v1/contacts/", get=200, foreign=200),
    "api_contact": ForKeys("/api/v1/contacts/{contact}/", get=200),
    "api_contact_merge": ForKeys("/api/v1/contacts/{contact}/merge/", post=415),
    "api_contact_data": ForKeys("/api/v1/contacts/{contact}/data/", get=200),
    "api_search": ForKeys("/api/v1/search/?q=x", get=200, foreign=200),
    "api_media_list": ForKeys("/api/v1/media/", get=200, foreign=200, post=400, foreign_post=400),
    "api_media": ForKeys("/api/v1/media/{media}/", get=200),
    "api_products": ForKeys("/api/v1/products/", get=200, foreign=200, post=415, foreign_post=415),
    "api_product": ForKeys("/api/v1/products/{product}/", get=200),
    "api_product_stock": ForKeys("/api/v1/products/{product}/stock/", post=415),
    "api_webhooks": ForKeys("/api/v1/webhooks/", get=200, foreign=200, post=415, foreign_post=415),
    "api_webhook": ForKeys("/api/v1/webhooks/{webhook}/", get=200),
    "api_webhook_deliveries": ForKeys("/api/v1/webhook-deliveries/", get=200, foreign=200),
    "api_previous_secret": ForKeys("/api/v1/accounts/{waba}/previous-secret/"),
    "api_webhook_delivery": ForKeys("/api/v1/webhook-deliveries/{call}/", get=200),
    "api_webhook_delivery_replay": ForKeys("/api/v1/webhook-deliveries/{call}/replay/", post=201),
    # Signed by Stripe, without a login; off in tests, which run without its secret.
    "stripe_webhook": ForEveryone("/webhooks/stripe/", post=409),
}


@pytest.fixture(scope="module")
def staged(django_db_setup: None, django_db_blocker: Any) -> Iterator[Staged]:
    """Made once for a module: each of its tests runs in a savepoint and leaves the rows as they
    were.
    """
    with django_db_blocker.unblock(), transaction.atomic():
        yield _staged()
        transaction.set_rollback(True)


@pytest.fixture
def stage(db: None, staged: Staged) -> dict[str, Any]:
    """A business with one of everything, and a stranger's beside it; each role's client."""
    clients = {role: Client(raise_request_exception=False) for role in SESSIONS}
    for role, session in staged.sessions.items():
        clients[role].cookies[settings.SESSION_COOKIE_NAME] = session
    for role, key in staged.keys.items():
        bearer = {"Authorization": f"Bearer {key}"}
        clients[role] = Client(raise_request_exception=False, headers=bearer)
    return {"names": dict(staged.names), "clients": clients}


def _staged() -> Staged:
    business, other = make_business("Own"), make_business("Other")
    number = make_number(business)
    make_number(other)
    users = {role: make_member(business, role) for role in OWN}
    users |= {
        "stranger owner": make_member(other),
        "stranger finance": make_member(other, "finance"),
    }
    make_member(other)
    users["operator without permission"] = User.objects.create_user(
        "staff@example.com", is_staff=True
    )
    users["operator"] = User.objects.create_superuser("ops@example.com")
    keys = {
        "own key": make_key(business),
        "stranger's key": make_key(other),
        "revoked key": make_key(business),
    }
    make_catalog(other)
    names = one_of_everything(business, number)
    with system("test"):
        ApiKey.objects.get(prefix=keys["revoked key"][7:15]).revoke()
        names["key"] = ApiKey.objects.get(prefix=keys["own key"][7:15]).pk
        names["member"] = Membership.objects.get(user=users["viewer"]).pk
    return Staged(names, {role: _session_of(user) for role, user in users.items()}, keys)


def _session_of(user: User) -> str:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def _addresses() -> Iterator[tuple[str, str]]:
    """(name, pattern) of every address, those of Django's admin and allauth apart."""
    yield from _walk(get_resolver(), "")


def _walk(resolver: URLResolver, prefix: str) -> Iterator[tuple[str, str]]:
    for entry in resolver.url_patterns:
        pattern = prefix + str(entry.pattern)
        if pattern.startswith(("admin/", "account/")):
            continue
        if isinstance(entry, URLPattern):
            yield str(entry.name), pattern
        else:
            yield from _walk(entry, pattern)


def _ask(client: Client, method: str, path: str) -> int:
    with transaction.atomic():  # whatever it does is undone before the next question
        status = (
            client.generic(method, path).status_code
            if method != "POST"
            else client.post(path).status_code
        )
        transaction.set_rollback(True)
    return int(status)


def _cloud(name: str) -> bool:
    by_link = ("incoming_webhooks", "media_download", "flow_download")
    return name.startswith("cloudapi_") or name in by_link


def test_every_address_has_a_row() -> None:
    names = {name for name, _ in _addresses() if not _cloud(name)}
    assert names - set(ROWS) == set(), "give each new address a row in ROWS"
    assert set(ROWS) - names == set(), "rows of addresses that are gone"


# Tests of every address stay below the time that a test may take.
PARTS = 6
in_parts = pytest.mark.parametrize("part", range(PARTS))


@in_parts
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_pages_answer_each_role_as_they_should(
    stage: dict[str, Any], method: str, part: int
) -> None:
    wrong = []
    for name, row in list(ROWS.items())[part::PARTS]:
        path = row.path.format(**stage["names"])
        for role, client in stage["clients"].items():
            if role.endswith("key") and role != "revoked key" and not isinstance(row, ForKeys):
                continue  # a page does not look at keys
            if isinstance(row, ForKeys) and role in SESSIONS and role not in WITHOUT_KEYS:
                continue
            if (status := _ask(client, method, path)) != row.expected(role, method):
                wrong.append(f"{name} {method} {role}: {status}, not {row.expected(role, method)}")
    assert not wrong, "\n".join(wrong)


def _is_download(client: Client, path: str) -> bool:
    """Whether the owner gets a file to keep here."""
    with transaction.atomic():
        answer = client.get(path)
        transaction.set_rollback(True)
    return answer.headers.get("Content-Disposition", "").startswith("attachment")


def _read(client: Client, path: str) -> str:
    """The text of a page; empty where it is streamed."""
    with transaction.atomic():
        text = getattr(client.get(path), "content", b"").decode(errors="replace")
        transaction.set_rollback(True)
    return text


# Documents that are made and stored when first requested, and a phone that records what it read.
WRITTEN_WHEN_READ = {"phone_chat", "credit_note", "invoice_draft", "invoice_download"}


# Each part must have a file to download among its addresses.
@pytest.mark.parametrize("part", range(3))
def test_an_operator_who_views_as_the_business_reads_what_its_owner_reads_and_changes_nothing(
    stage: dict[str, Any], part: int
) -> None:
    operator, wrong = stage["clients"]["operator"], []
    with system("test"):
        business = Business.objects.get(name="Own")
    begun = operator.post(f"/admin/accounts/business/{business.pk}/enter/", {"reason": "ticket 7"})
    assert (begun.status_code, begun.headers["Location"]) == (302, "/")
    with system("test"):
        accounts = list(Account.objects.filter(business=business))
        secrets = [one.app_secret for one in accounts] + [one.verify_token for one in accounts]
        secrets += [one.verify_token for one in Webhook.objects.filter(business=business)]
    downloads = 0
    for name, row in list(ROWS.items())[part::3]:
        path = row.path.format(**stage["names"])
        is_refused = name in WRITTEN_WHEN_READ or _is_download(stage["clients"]["owner"], path)
        downloads += name not in WRITTEN_WHEN_READ and is_refused
        expected = 403 if is_refused else row.expected("owner", "GET")
        if (status := _ask(operator, "GET", path)) != expected:
            wrong.append(f"{name} GET: {status}, not {expected}")
        shown = _read(operator, path)
        wrong += [f"{name} shows a secret" for secret in secrets if secret in shown]
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            if name != "end_viewing" and (status := _ask(operator, method, path)) not in (401, 403):
                wrong.append(f"{name} {method}: {status}")
    assert not wrong, "\n".join(wrong)
    assert len(secrets) > 2
    assert downloads >= 1


def test_no_page_answers_other_methods_with_a_deed(stage: dict[str, Any]) -> None:
    wrong = []
    for name, row in ROWS.items():
        path = row.path.format(**stage["names"])
        for method in ("PUT", "PATCH", "DELETE"):
            status = _ask(stage["clients"]["owner"], method, path)
            # A page that knows only reading and posting reads.
            if status not in (400, 401, 403, 404, 405, row.get):
                wrong.append(f"{name} {method}: {status}")
    assert not wrong, "\n".join(wrong)


def test_the_cloud_api_opens_to_live_keys_alone_and_finds_nothing_of_strangers(
    stage: dict[str, Any],
) -> None:
    own_number, own_account = stage["names"]["number"], stage["names"]["waba"]
    wrong = []
    for name, path in _cloud_paths(own_number, own_account):
        for method in ("GET", "POST", "DELETE"):
            for role in (*WITHOUT_KEYS, "stranger's key"):
                status = _ask(stage["clients"][role], method, path)
                allowed = {400, 404, 405} if role == "stranger's key" else {400, 401, 405}
                if status not in allowed:
                    wrong.append(f"{name} {method} {role}: {status}")
            if _ask(stage["clients"]["own key"], method, path) in (401, 403, 500):
                wrong.append(f"{name} {method} own key")
    assert not wrong, "\n".join(wrong)


# Reached by any live key, or by a signed link; tested in tests/hosting.
NOT_BY_NUMBER = {
    "incoming_webhooks",
    "media_download",
    "cloudapi_messages_by_key",
    "cloudapi_media_by_key",
    "cloudapi_uploads",
    "cloudapi_upload",
    "flow_download",
    "cloudapi_me",
    "cloudapi_debug_token",
    "cloudapi_access_token",
    "cloudapi_refused",
    "cloudapi_group",
}


def _cloud_paths(number: str, account: str) -> Iterator[tuple[str, str]]:
    for name, pattern in _addresses():
        if _cloud(name) and name not in NOT_BY_NUMBER:
            path = (
                pattern.replace(r"^(?:v[0-9]+(?:\.[0-9]+)?/)?", "/v23.0/")
                .rstrip("$")
                .replace("/?", "")
            )
            path = path.replace("(?P<phone_number_id>[0-9]{1,32})", number).replace(
                "(?P<object_id>[0-9]{1,32})", number
            )
            path = path.replace("(?P<waba_id>[0-9]{1,32})", account).replace(
                "(?P<business_id>[0-9]{1,32})", account
            )
            for own in ("flow_id", "history_id", "app_id"):
                path = path.replace(f"(?P<{own}>[0-9]{{1,32}})", account)
            path = path.replace("(?P<name>analytics|[a-z]{1,30}_analytics)", "analytics")
            path = path.replace("(?P<code>[A-Z0-9]{1,14})", "ABC").replace(
                "(?:owned|client)", "owned"
            )
            assert not set("(?[^$") & set(path), f"say how to fill {name}: {path}"
            yield name, path


@in_parts
def test_the_admin_is_for_operators_with_permission(stage: dict[str, Any], part: int) -> None:
    wrong = []
    for model, pages in list(admin.site._registry.items())[part::PARTS]:
        base = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        for role, expected in (
            ("owner", 302),
            ("operator without permission", 403),
            ("operator", 200),
        ):
            if (status := _ask(stage["clients"][role], "GET", base)) != expected:
                wrong.append(f"{base} {role}: {status}")
        for role in (*SESSIONS[:-3], "revoked key"):
            if (status := _ask(stage["clients"][role], "GET", base + "add/")) != 302:
                wrong.append(f"{base}add/ {role}: {status}")
        adding = 403 if isinstance(pages, ReadOnlyAdmin) else 200
        if (status := _ask(stage["clients"]["operator"], "GET", base + "add/")) != adding:
            wrong.append(f"{base}add/ operator: {status}")
    assert not wrong, "\n".join(wrong)


def test_an_unknown_thread_is_not_found_for_its_readers(stage: dict[str, Any]) -> None:
    assert _ask(stage["clients"]["owner"], "GET", f"/inbox/{uuid.uuid4()}/") == 404

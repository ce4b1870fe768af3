"""What every address answers to each role: a row for each, asked by tests/test_matrix.py."""

from dataclasses import dataclass

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
    "erase_test_data": Row("/settings/business/test-data/", ADMINS, post=302),
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
    "phone_pay": Row(PHONE + "/{number}/pay/{message}/", CHATS, True, get=404, post=404),
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

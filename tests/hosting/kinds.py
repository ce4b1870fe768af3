"""Every type of message as a thread holds it, both ways, and the words that its bubble shows."""

from datetime import timedelta
from typing import Any, NamedTuple

from django.conf import settings

from hosting.cloudapi import templates
from hosting.cloudapi.texts import text_of
from hosting.media import store
from hosting.models import Conversation, Media, Message, Template
from tests.factories import make_template
from tests.shops.catalog.test_pages import a_picture

DAY_AGO = timedelta(days=1)


class Said(NamedTuple):
    """One message: its type, way, the Cloud API's object, and what the bubble says of it, spaces
    made single.
    """

    name: str
    kind: str
    direction: str
    content: dict[str, Any]
    shown: str


CARD = {
    "name": {"formatted_name": "Bob Baker", "first_name": "Bob"},
    "phones": [{"phone": "+1 415 555 0142"}],
}
BUTTONS = {
    "buttons": [
        {"type": "reply", "reply": {"id": i, "title": t}} for i, t in (("y", "Yes"), ("n", "No"))
    ]
}
SLICED = {"id": "rye", "title": "Rye", "description": "1 kg, sliced"}
LIST = {
    "button": "Choose bread",
    "sections": [{"title": "Dark", "rows": [SLICED, {"id": "bun", "title": "Bun"}]}],
}
SHOP = {
    "catalog_id": "1",
    "sections": [{"title": "Bread", "product_items": [{"product_retailer_id": "RYE"}]}],
}
WORTH = {"value": 450, "offset": 100}
ITEM = {"retailer_id": "RYE", "name": "Rye loaf", "amount": WORTH, "quantity": 2}
COST = {"value": 900, "offset": 100}
BASKET = {"status": "pending", "items": [ITEM], "subtotal": COST}
DETAILS = {
    "reference_id": "L-42",
    "type": "physical-goods",
    "currency": "EUR",
    "total_amount": COST,
    "order": BASKET,
}
PAY = {"name": "review_and_pay", "parameters": DETAILS}
STATE = {
    "name": "review_order",
    "parameters": {"reference_id": "L-42", "order": {"status": "shipped"}},
}
LINK = {
    "name": "cta_url",
    "parameters": {"display_text": "Open the menu", "url": "https://example.com/menu"},
}
FLOW = {"name": "flow", "parameters": {"flow_cta": "Book a table", "flow_id": "7"}}
PLACE = {
    "latitude": 37.7955,
    "longitude": -122.3937,
    "name": "Ferry Building",
    "address": "1 Ferry Plaza",
}
WHERE = "Ferry Building 1 Ferry Plaza · 37.7955, -122.3937"


def ask(type_: str, body: str, action: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"type": type_, "body": {"text": body}} | ({"action": action} if action else {}) | more


ORDERED = {"product_retailer_id": "RYE", "quantity": 2, "item_price": 4.5, "currency": "EUR"}
FRAME = {"header": {"type": "text", "text": "Sunday"}, "footer": {"text": "Luma Bakery"}}
KINDS = [
    Said(
        "text",
        "text",
        "in",
        {"body": "*Rye* _or_ ~bun~ `2`? https://example.com/rye"},
        "Rye or bun 2? https://example.com/rye",
    ),
    Said("text out", "text", "out", {"body": "Both.\nFresh at ten!"}, "Both. Fresh at ten!"),
    Said("image", "image", "in", {"id": "image/jpeg", "caption": "This *one*?"}, "This one?"),
    Said("image out", "image", "out", {"id": "image/jpeg"}, ""),
    Said(
        "image that is not here",
        "image",
        "in",
        {"id": "1", "caption": "Or this?"},
        "Photo Or this?",
    ),
    Said("video", "video", "in", {"id": "video/mp4", "caption": "The oven"}, "The oven"),
    Said("video that is not here", "video", "out", {"id": "1"}, "Video"),
    Said("audio", "audio", "in", {"id": "audio/ogg", "voice": True}, ""),
    Said("audio out", "audio", "out", {"id": "1"}, "Audio"),
    Said("voice that is not here", "audio", "in", {"id": "1", "voice": True}, "Voice message"),
    Said(
        "document",
        "document",
        "in",
        {"id": "application/pdf", "filename": "order.pdf", "caption": "My list"},
        "order.pdf 14 bytes My list",
    ),
    Said(
        "document out",
        "document",
        "out",
        {"link": "https://example.com/menu.pdf", "filename": "menu.pdf"},
        "menu.pdf",
    ),
    Said("sticker", "sticker", "in", {"id": "image/webp"}, ""),
    Said("sticker out", "sticker", "out", {"id": "1"}, "Sticker"),
    Said("location", "location", "in", PLACE, WHERE),
    Said(
        "location out",
        "location",
        "out",
        {"latitude": 52.5, "longitude": 13.4},
        "Location 52.5, 13.4",
    ),
    Said("contacts", "contacts", "in", {"contacts": [CARD]}, "Bob Baker +1 415 555 0142"),
    Said(
        "contacts out",
        "contacts",
        "out",
        {"contacts": [CARD, CARD]},
        "Bob Baker +1 415 555 0142 Bob Baker +1 415 555 0142",
    ),
    Said(
        "buttons",
        "interactive",
        "out",
        ask("button", "Slice it?", BUTTONS, **FRAME),
        "Sunday Slice it? Luma Bakery Yes No",
    ),
    Said(
        "button tapped",
        "interactive",
        "in",
        {"type": "button_reply", "button_reply": {"id": "y", "title": "Yes"}},
        "Tapped a button Yes",
    ),
    Said("list", "interactive", "out", ask("list", "Which?", LIST), "Which? Choose bread"),
    Said(
        "row chosen",
        "interactive",
        "in",
        {"type": "list_reply", "list_reply": SLICED},
        "Chose from a list Rye 1 kg, sliced",
    ),
    Said("link", "interactive", "out", ask("cta_url", "Our menu", LINK), "Our menu Open the menu"),
    Said("flow", "interactive", "out", ask("flow", "Sit down?", FLOW), "Sit down? Book a table"),
    Said(
        "flow answered",
        "interactive",
        "in",
        {
            "type": "nfm_reply",
            "nfm_reply": {"name": "flow", "body": "Table for two", "response_json": "{}"},
        },
        "Answered a form Table for two",
    ),
    Said(
        "location asked",
        "interactive",
        "out",
        ask("location_request_message", "Where to?", {"name": "send_location"}),
        "Where to? Send location",
    ),
    Said(
        "product",
        "interactive",
        "out",
        ask("product", "Try it", {"catalog_id": "1", "product_retailer_id": "RYE"}),
        "RYE Try it View products",
    ),
    Said(
        "products",
        "interactive",
        "out",
        ask("product_list", "All our bread", SHOP),
        "RYE All our bread View products",
    ),
    Said(
        "catalogue",
        "interactive",
        "out",
        ask("catalog_message", "Our shop", {"name": "catalog_message"}),
        "Our shop View products",
    ),
    Said(
        "order",
        "order",
        "in",
        {"catalog_id": "1", "text": "Sliced", "product_items": [ORDERED]},
        "Order 2 × RYE €9.00 Sliced",
    ),
    Said(
        "order details",
        "interactive",
        "out",
        ask("order_details", "Please pay", PAY),
        "Order L-42 2 × Rye loaf €9.00 Total €9.00 Please pay Review and pay",
    ),
    Said(
        "order status",
        "interactive",
        "out",
        ask("order_status", "On its way", STATE),
        "On its way Order L-42",
    ),
    Said(
        "template button",
        "button",
        "in",
        {"text": "Tell me more", "payload": "more"},
        "Tapped a button Tell me more",
    ),
    Said(
        "notice",
        "system",
        "in",
        {"body": "Zoe changed from +1 1 to +1 2", "type": "user_changed_number"},
        "Zoe changed from +1 1 to +1 2",
    ),
    Said(
        "imported file",
        "media_placeholder",
        "in",
        {},
        "A file It was not part of what was imported.",
    ),
    Said(
        "locked",
        "locked",
        "in",
        {},
        "Locked Over the plan's limit of hosted messages. A larger plan shows it at once.",
    ),
    Said(
        "unsupported",
        "unsupported",
        "in",
        {},
        "A message of type “unsupported” Parley keeps it as it came; open its details to see it.",
    ),
    Said(
        "of tomorrow",
        "hologram",
        "in",
        {"beam": 1},
        "A message of type “hologram” Parley keeps it as it came; open its details to see it.",
    ),
]

HARVEST = [
    {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["1"]}},
    {"type": "BODY", "text": "Hello {{1}}, the *new* rye is here"},
    {"type": "FOOTER", "text": "Luma Bakery"},
    {
        "type": "BUTTONS",
        "buttons": [
            {"type": "URL", "text": "See it", "url": "https://example.com/rye"},
            {"type": "PHONE_NUMBER", "text": "Call us", "phone_number": "+14155550100"},
            {"type": "QUICK_REPLY", "text": "No more news"},
        ],
    },
]
FILES = {
    "image/jpeg": lambda: a_picture(640, 420, "peru").read(),
    "image/webp": lambda: a_picture(512, 512, "gold", "WEBP").read(),
    "video/mp4": lambda: b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom",
    "audio/ogg": lambda: b"OggS" + bytes(40),
    "application/pdf": lambda: b"%PDF-1.4\n%%EOF",
}


def say_every_kind(thread: Conversation) -> dict[str, Message]:
    """Write them all and what belongs to them into a thread; by name, oldest first. Within the
    tenant's scope.
    """
    files = {kind: _kept(thread, kind, content()) for kind, content in FILES.items()}
    said = {one.name: _message(thread, one, files) for one in KINDS}
    said["template"] = _template(thread, files)
    said["answer"] = _text(thread, "Two, please", context_wamid=said["text out"].wamid)
    said["edited"] = _text(thread, "Three, please", edited_at=thread.business.now())
    said["edit"] = _text(thread, "Three, please", kind="edit", context_wamid=said["edited"].wamid)
    said["deleted"] = _text(thread, "", revoked_at=thread.business.now())
    said["deleted photo"] = _text(thread, "", kind="image", revoked_at=thread.business.now())
    said["revoke"] = _text(thread, "", kind="revoke", context_wamid=said["deleted"].wamid)
    said["edit of what is not here"] = _text(
        thread, "Four", kind="edit", context_wamid="wamid.gone"
    )
    said["revoke of what is not here"] = _text(
        thread, "", kind="revoke", context_wamid="wamid.gone"
    )
    said["reaction"] = _reaction(thread, "🥖", said["text out"].wamid)
    said["reaction to what is not here"] = _reaction(thread, "🎉", "wamid.gone")
    for status in ("accepted", "sent", "delivered", "read", "failed"):
        said[status] = _text(
            thread, status.title(), direction="out", status=status, errors=_errors(status)
        )
    for n, message in enumerate(said.values()):
        message.created_at = (
            thread.business.now()
            - DAY_AGO * (1 if n < len(said) // 2 else 0)
            + timedelta(seconds=n)
        )
    Message.objects.bulk_create(said.values())
    return said


def _kept(thread: Conversation, kind: str, content: bytes) -> Media:
    assert settings.MEDIA_ROOT
    if kind in ("image/jpeg", "image/webp"):
        return store.store_media(business=thread.business, content=content, mime_type=kind)
    return Media.objects.create(
        business=thread.business, mime_type=kind, size=len(content), sha256="0" * 64
    )


def _row(thread: Conversation, **fields: Any) -> Message:
    fields = {"direction": "in", "status": "received", "category": "", "errors": None} | fields
    if fields["direction"] == "out":
        fields = fields | {"category": "service", "status": fields.get("status", "read")}
    return Message(
        business=thread.business,
        number=thread.number,
        conversation=thread,
        contact=thread.contact,
        **fields,
    )


def _message(thread: Conversation, one: Said, files: dict[str, Media]) -> Message:
    content = one.content
    if content.get("id") in files:
        content = content | {"id": files[content["id"]].media_id}
    status = "read" if one.direction == "out" else "received"
    return _row(
        thread,
        direction=one.direction,
        kind=one.kind,
        content=content,
        text=text_of(one.kind, content),
        status=status,
    )


def _template(thread: Conversation, files: dict[str, Media]) -> Message:
    given = [
        {
            "type": "header",
            "parameters": [{"type": "image", "image": {"id": files["image/jpeg"].media_id}}],
        },
        {"type": "body", "parameters": [{"type": "text", "text": "Zoe"}]},
    ]
    template: Template = make_template(
        thread.number, "harvest", category="marketing", components=HARVEST
    )
    return _row(
        thread,
        direction="out",
        kind="template",
        template=template,
        status="read",
        content={"name": "harvest", "language": {"code": "en_US"}, "components": given},
        text=templates.rendered(HARVEST, given),
    )


def _text(thread: Conversation, text: str, **fields: Any) -> Message:
    return _row(
        thread,
        **({"kind": "text", "text": text, "content": {"body": text} if text else {}} | fields),
    )


def _reaction(thread: Conversation, emoji: str, wamid: str) -> Message:
    return _row(thread, kind="reaction", text=emoji, content={"emoji": emoji, "message_id": wamid})


def _errors(status: str) -> list[dict[str, Any]] | None:
    return [{"code": 131026, "title": "Message undeliverable"}] if status == "failed" else None

"""Send bodies of every kind, as the protocol's own examples write them, and what a reader sees of
each.
"""

from typing import Any

LINK = "https://example.com/x.png"


def amount(value: int) -> dict[str, int]:
    return {"value": value, "offset": 100}


ORDER: dict[str, Any] = {
    "reference_id": "r1",
    "type": "digital-goods",
    "payment_type": "upi",
    "payment_configuration": "name",
    "currency": "INR",
    "total_amount": amount(1100),
    "order": {
        "status": "pending",
        "subtotal": amount(1000),
        "tax": amount(100) | {"description": "opt"},
        "shipping": amount(100),
        "discount": amount(100),
        "items": [
            {
                "retailer_id": "1",
                "name": "bread",
                "amount": amount(1500),
                "sale_amount": amount(1000),
                "quantity": 1,
            }
        ],
    },
}

INTERACTIVE: dict[str, tuple[dict[str, Any], str]] = {
    "button": (
        {
            "header": {"type": "text", "text": "H"},
            "body": {"text": "Sure?"},
            "footer": {"text": "F"},
            "action": {"buttons": [{"type": "reply", "reply": {"id": "yes", "title": "Yes"}}]},
        },
        "H\nSure?\nF",
    ),
    "list": (
        {
            "header": {"type": "text", "text": "H"},
            "body": {"text": "B"},
            "footer": {"text": "F"},
            "action": {
                "button": "Menu",
                "sections": [
                    {"title": "S", "rows": [{"id": "r", "title": "T", "description": "D"}]}
                ],
            },
        },
        "H\nB\nF",
    ),
    "cta_url": (
        {
            "body": {"text": "go"},
            "action": {"name": "cta_url", "parameters": {"display_text": "Open", "url": LINK}},
        },
        "go",
    ),
    "product": ({"action": {"catalog_id": "36", "product_retailer_id": "SKU1"}}, "SKU1"),
    "product_list": (
        {
            "header": {"type": "text", "text": "H"},
            "body": {"text": "B"},
            "action": {
                "catalog_id": "14",
                "sections": [{"title": "S", "product_items": [{"product_retailer_id": "S1"}]}],
            },
        },
        "H\nB",
    ),
    "catalog_message": (
        {
            "body": {"text": "Browse"},
            "action": {
                "name": "catalog_message",
                "parameters": {"thumbnail_product_retailer_id": "2l"},
            },
        },
        "Browse",
    ),
    "order_details": (
        {"body": {"text": "Pay"}, "action": {"name": "review_and_pay", "parameters": ORDER}},
        "Pay",
    ),
    "order_status": (
        {
            "body": {"text": "Soon"},
            "action": {
                "name": "review_order",
                "parameters": {
                    "reference_id": "r1",
                    "order": {"status": "processing", "description": "d"},
                },
            },
        },
        "Soon",
    ),
    "flow": (
        {
            "body": {"text": "B"},
            "action": {
                "name": "flow",
                "parameters": {
                    "flow_message_version": "3",
                    "flow_id": "1",
                    "flow_token": "t",
                    "flow_cta": "Open",
                    "flow_action": "navigate",
                    "flow_action_payload": {"screen": "S"},
                },
            },
        },
        "B",
    ),
    "address_message": (
        {
            "body": {"text": "Where?"},
            "action": {"name": "address_message", "parameters": {"country": "IN"}},
        },
        "Where?",
    ),
    "location_request_message": (
        {"body": {"text": "Where?"}, "action": {"name": "send_location"}},
        "Where?",
    ),
}

CARD = {
    "name": {"formatted_name": "John Smith", "first_name": "John"},
    "phones": [{"phone": "+1 650", "type": "WORK"}],
}

SENDS: list[tuple[dict[str, Any], str]] = [
    ({"text": {"body": "hi https://x.y", "preview_url": True}}, "hi https://x.y"),
    (
        {"type": "TEXT", "text": {"body": "hi"}, "context": None, "biz_opaque_callback_data": None},
        "hi",
    ),
    (
        {
            "type": "text",
            "text": {"body": "hi"},
            "category": "utility",
            "ttl_seconds": 600,
            "unknown": {"a": 1},
        },
        "hi",
    ),
    ({"type": "image", "image": {"link": LINK, "caption": "c", "id": None}}, "c"),
    ({"type": "audio", "audio": {"link": LINK, "voice": True}}, ""),
    ({"type": "video", "video": {"link": LINK, "caption": "c"}}, "c"),
    ({"type": "document", "document": {"link": LINK, "filename": "f.pdf"}}, "f.pdf"),
    ({"type": "sticker", "sticker": {"link": LINK}}, ""),
    (
        {
            "type": "location",
            "location": {
                "latitude": 37.758056,
                "longitude": "-122.425332",
                "name": "HQ",
                "address": "1 Way",
            },
        },
        "HQ, 1 Way",
    ),
    ({"type": "contacts", "contacts": [CARD]}, "John Smith, +1 650"),
    ({"type": "contacts", "contacts": '[{"name":{"formatted_name":"A B"}}]'}, "A B"),
    *[
        ({"type": "interactive", "interactive": {"type": kind} | held}, text)
        for kind, (held, text) in INTERACTIVE.items()
    ],
]


def without(held: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The object with some members changed."""
    return held | changes


def buttons(*replies: tuple[str, str]) -> dict[str, Any]:
    held = [{"type": "reply", "reply": {"id": key, "title": title}} for key, title in replies]
    return {"type": "button", "body": {"text": "b"}, "action": {"buttons": held}}


def rows(count: int, sections: int = 1) -> dict[str, Any]:
    held = [
        {"title": f"S{s}", "rows": [{"id": f"{s}-{n}", "title": "T"} for n in range(count)]}
        for s in range(sections)
    ]
    return {"type": "list", "body": {"text": "b"}, "action": {"button": "Menu", "sections": held}}


def products(count: int) -> dict[str, Any]:
    items = [{"product_retailer_id": str(n)} for n in range(count)]
    return {
        "type": "product_list",
        "header": {"type": "text", "text": "h"},
        "body": {"text": "b"},
        "action": {"catalog_id": "1", "sections": [{"title": "S", "product_items": items}]},
    }


def order(**changes: Any) -> dict[str, Any]:
    return {
        "type": "order_details",
        "body": {"text": "b"},
        "action": {"name": "review_and_pay", "parameters": ORDER | changes},
    }


# Body, code, the field or limit that the error names.
REFUSED: list[tuple[dict[str, Any], int, str]] = [
    ({"type": "poll", "poll": {}}, 131051, "poll"),
    ({"type": "text"}, 131008, "text is required"),
    ({"type": "text", "text": "hi"}, 131008, "text is required"),
    ({"text": {"body": "  "}}, 131008, "text.body"),
    ({"text": {"body": "x" * 4097}}, 100, "4096 characters (4097)"),
    ({"text": {"body": "x"}, "biz_opaque_callback_data": "x" * 513}, 131009, "512"),
    ({"text": {"body": "x"}, "to": "12"}, 131009, "7 to 15 digits"),
    ({"text": {"body": "x"}, "to": ""}, 131008, "to is required"),
    ({"text": {"body": "x"}, "to": "", "recipient": "x"}, 131009, "recipient"),
    ({"text": {"body": "x"}, "recipient_type": "group"}, 131009, "recipient_type"),
    ({"type": "image", "image": {}}, 131008, "exactly one of image.id and image.link"),
    ({"type": "image", "image": {"id": "1", "link": LINK}}, 131009, "exactly one"),
    ({"type": "image", "image": {"link": "ftp://x/y"}}, 131009, "image.link"),
    ({"type": "image", "image": {"link": "https://[::1"}}, 131009, "image.link"),
    (
        {"type": "image", "image": {"link": LINK, "caption": "x" * 1025}},
        131009,
        "image.caption is longer than 1024",
    ),
    ({"type": "document", "document": {"id": "x y"}}, 131009, "document.id"),
    ({"type": "location", "location": {"latitude": 91, "longitude": 0}}, 131009, "latitude"),
    ({"type": "location", "location": {"latitude": 1, "longitude": "NaN"}}, 131009, "longitude"),
    ({"type": "location", "location": {"latitude": True, "longitude": 1}}, 131009, "latitude"),
    ({"type": "contacts", "contacts": []}, 131009, "body.contacts"),
    ({"type": "contacts", "contacts": "nonsense"}, 131009, "contacts"),
    ({"type": "contacts", "contacts": [{"name": {}}]}, 131008, "formatted_name"),
    ({"type": "reaction", "reaction": {"emoji": "x"}}, 131008, "reaction.message_id"),
    (
        {"type": "reaction", "reaction": {"message_id": "wamid.none", "emoji": "x"}},
        131009,
        "reaction.message_id",
    ),
    ({"type": "interactive", "interactive": {"type": "poll"}}, 131009, "interactive.type"),
    ({"type": "interactive", "interactive": buttons()}, 131009, "1 to 3 items, not 0"),
    (
        {"type": "interactive", "interactive": buttons(*[(str(n), "t") for n in range(4)])},
        131009,
        "1 to 3 items, not 4",
    ),
    ({"type": "interactive", "interactive": buttons(("a", "t"), ("a", "u"))}, 131009, "used twice"),
    ({"type": "interactive", "interactive": buttons(("a", "x" * 21))}, 131009, "longer than 20"),
    ({"type": "interactive", "interactive": buttons(("x" * 257, "t"))}, 131009, "longer than 256"),
    (
        {
            "type": "interactive",
            "interactive": buttons(("a", "t")) | {"body": {"text": "x" * 1025}},
        },
        131009,
        "1024",
    ),
    (
        {
            "type": "interactive",
            "interactive": buttons(("a", "t")) | {"footer": {"text": "x" * 61}},
        },
        131009,
        "60",
    ),
    (
        {
            "type": "interactive",
            "interactive": buttons(("a", "t")) | {"header": {"type": "text", "text": "x" * 61}},
        },
        131009,
        "interactive.header.text is longer than 60",
    ),
    ({"type": "interactive", "interactive": rows(11)}, 131009, "1 to 10 items, not 11"),
    ({"type": "interactive", "interactive": rows(6, 2)}, 131009, "12 rows; 10 is the limit"),
    ({"type": "interactive", "interactive": products(31)}, 131009, "1 to 30 items"),
    (
        {"type": "interactive", "interactive": without(products(1), header=None)},
        131008,
        "interactive.header",
    ),
    (
        {"type": "interactive", "interactive": order(total_amount=amount(1101))},
        131009,
        "is 1101, but",
    ),
    (
        {"type": "interactive", "interactive": order(total_amount={"value": 11, "offset": 10})},
        131009,
        "offset",
    ),
    ({"type": "interactive", "interactive": order(currency="inr")}, 131009, "currency"),
    (
        {
            "type": "interactive",
            "interactive": order(
                order=ORDER["order"]
                | {"items": [{"name": "bread", "amount": amount(999), "quantity": 1}]}
            ),
        },
        131009,
        "subtotal.value is 1000, but the items cost 999",
    ),
    (
        {
            "type": "interactive",
            "interactive": order(
                order=ORDER["order"]
                | {"items": [{"name": "bread", "amount": amount(-1), "quantity": 1}]}
            ),
        },
        131009,
        "items[0].amount.value",
    ),
]

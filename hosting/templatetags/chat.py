"""Template filters for conversations: message formatting, times, previews, amounts."""

import re
from datetime import date, datetime, timedelta
from decimal import Decimal

from babel.core import UnknownLocaleError
from babel.numbers import format_currency
from django import template
from django.conf import settings
from django.utils import formats, timezone
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, to_locale
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from hosting.cloudapi import addresses, payments
from hosting.cloudapi.json import as_dict, as_list, as_text
from hosting.extensions import ProductCard

register = template.Library()

# Applied to escaped text; marks count only next to a word, as in WhatsApp.
MARKS = [
    (re.compile(r"(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])"), r"<strong>\1</strong>"),
    (re.compile(r"(?<![\w_/])_(?=\S)([^_\n]+?)(?<=\S)_(?![\w_])"), r"<em>\1</em>"),
    (re.compile(r"(?<![\w~])~(?=\S)([^~\n]+?)(?<=\S)~(?![\w~])"), r"<s>\1</s>"),
    (re.compile(r"^&gt; ?(.+)$", re.MULTILINE), r"<blockquote>\1</blockquote>"),
]
# Code and links are taken out before marks are applied.
VERBATIM = re.compile(
    r"```(.+?)```|`([^`\n]+)`|(https?://[^\s<]+?)(?=[.,;:!?)]*(?:\s|$))", re.DOTALL
)
PLACEHOLDER = re.compile("\ue000(\\d+)\ue001")
ENDS_SOON = timedelta(hours=2)
PAYMENT_NAMES = {
    "payment_gateway": "UPI",
    "upi": "UPI",
    "upi_intent_link": _lazy("Any UPI app"),
    "pix_dynamic_code": "Pix",
    "boleto": "Boleto",
    "payment_link": _lazy("Payment link"),
    "offsite_card_pay": _lazy("Card ending in"),
}
ADDRESS_LABELS = {
    "name": _lazy("Name"),
    "phone_number": _lazy("Phone"),
    "house_number": _lazy("House or flat number"),
    "floor_number": _lazy("Floor"),
    "tower_number": _lazy("Tower"),
    "building_name": _lazy("Building"),
    "address": _lazy("Street and number"),
    "landmark_area": _lazy("Area or landmark"),
    "in_pin_code": _lazy("Postcode"),
    "postal_code": _lazy("Postcode"),
    "city": _lazy("Town"),
    "state": _lazy("State or region"),
}


@register.filter
def formatted(text: str) -> SafeString:
    """Return text as HTML with *bold*, _italic_, ~struck~, `code`, > quotes and links.

    All else escaped.
    """
    kept: list[str] = []

    def keep(match: re.Match[str]) -> str:
        code = match[1] or match[2]
        kept.append(format_html("<code>{}</code>", code) if code else _link(match[3]))
        return f"\ue000{len(kept) - 1}\ue001"

    shown: str = escape(VERBATIM.sub(keep, text.replace("\ue000", "").replace("\ue001", "")))
    for pattern, replacement in MARKS:
        shown = pattern.sub(replacement, shown)
    # Escaped, or made of our own tags alone.
    whole = PLACEHOLDER.sub(lambda match: kept[int(match[1])], shown)
    return mark_safe(whole)  # noqa: S308  # nosec B308 B703


def _link(url: str) -> SafeString:
    return format_html(
        '<a href="{}" rel="noopener noreferrer nofollow" target="_blank">{}</a>', url, url
    )


@register.filter
def value_of(holder: object, name: str) -> object:
    """Return what an object has under a name, such as one with a hyphen; "" if nothing."""
    found = as_dict(holder).get(name)
    return "" if found is None else found


@register.filter
def flow_answers(content: object) -> list[tuple[str, str]]:
    """Return what a customer filled in in a flow, as pairs of name and text."""
    values = addresses.form_values(as_dict(content))
    return [(name, _flow_answer(value)) for name, value in values.items() if name != "flow_token"]


def _flow_answer(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(_flow_answer, value))
    if isinstance(value, dict):
        return as_text(value.get("file_name")) or ", ".join(map(_flow_answer, value.values()))
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    return "" if value is None else str(value)


@register.filter
def address_form(content: object) -> list[dict[str, str]]:
    """Return the fields of an address message's form: name, label, known value, error."""
    parameters = as_dict(as_dict(as_dict(content).get("action")).get("parameters"))
    values, errors = as_dict(parameters.get("values")), as_dict(parameters.get("validation_errors"))
    return [
        {
            "name": name,
            "label": str(ADDRESS_LABELS[name]),
            "value": as_text(values.get(name)),
            "error": as_text(errors.get(name)),
        }
        for name in addresses.fields_of(as_text(parameters.get("country")))
    ]


@register.filter
def moment(at: datetime, now: datetime) -> str:
    """Return a time for lists: the hour today, the weekday this week, else the date."""
    at, now = timezone.localtime(at), timezone.localtime(now)
    if at.date() == now.date():
        return formats.time_format(at, "TIME_FORMAT")
    if timedelta(0) < now - at < timedelta(days=6):
        return formats.date_format(at, "D")
    return formats.date_format(at, "j M" if at.year == now.year else "SHORT_DATE_FORMAT")


@register.filter
def day_name(day: date, now: datetime) -> str:
    """Return "Today", "Yesterday" or the date."""
    ago = (timezone.localtime(now).date() - day).days
    if ago in (0, 1):
        return _("Today") if ago == 0 else _("Yesterday")
    return formats.date_format(day, "l, j F" if ago < 300 else "l, j F Y")


@register.filter
def time_left(until: datetime | None, now: datetime) -> str:
    """Return the rest of a window in hours or minutes; "" when it is closed."""
    if until is None or until <= now:
        return ""
    minutes = int((until - now).total_seconds() // 60)
    return _("%(n)d h") % {"n": minutes // 60} if minutes >= 60 else _("%(n)d min") % {"n": minutes}


@register.filter
def ends_soon(until: datetime | None, now: datetime) -> bool:
    """Return whether less than two hours are left."""
    return until is not None and timedelta(0) < until - now < ENDS_SOON


EXCERPT = 160


@register.filter
def excerpt(text: str, spans: list[tuple[int, int]]) -> SafeString:
    """Return about 160 characters around the first hit, with hits marked."""
    begin = max(spans[0][0] - EXCERPT // 3, 0) if spans else 0
    end = min(begin + EXCERPT, len(text))
    shown, place = ["…" if begin else ""], begin
    for start, stop in spans:
        if start >= end:
            break
        shown += [escape(text[place:start]), format_html("<mark>{}</mark>", text[start:stop])]
        place = stop
    shown += [escape(text[place:end]), "…" if end < len(text) else ""]
    # Escaped, or made of our own tags alone.
    return mark_safe("".join(shown))  # noqa: S308  # nosec B308 B703


KINDS = {
    "text": _lazy("Text"),
    "template": _lazy("Template"),
    "image": _lazy("Photo"),
    "video": _lazy("Video"),
    "audio": _lazy("Audio"),
    "document": _lazy("Document"),
    "sticker": _lazy("Sticker"),
    "location": _lazy("Location"),
    "contacts": _lazy("Contact card"),
    "interactive": _lazy("Buttons or list"),
    "button": _lazy("Button tapped"),
    "order": _lazy("Order"),
    "reaction": _lazy("Reaction"),
    "system": _lazy("Notice"),
}


@register.filter
def kind_name(kind: str) -> str:
    """Return the name of a kind of message."""
    return str(KINDS.get(kind, kind))


@register.filter
def phone(digits: str) -> str:
    """Return a number in international notation; unchanged if it cannot be parsed."""
    import phonenumbers

    try:
        parsed = phonenumbers.parse(f"+{digits}")
    except phonenumbers.NumberParseException:
        return digits
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


@register.filter
def contact_cards(content: object) -> list[dict[str, object]]:
    """Return the cards of a `contacts` message as names and phones, without malformed ones."""
    listed = content if isinstance(content, list) else as_list(as_dict(content).get("contacts"))
    return [
        {
            "name": as_text(as_dict(card.get("name")).get("formatted_name")) or _("Contact"),
            "phones": [
                as_text(as_dict(phone).get("phone")) for phone in as_list(card.get("phones"))
            ],
        }
        for card in map(as_dict, listed)
    ]


@register.filter
def offset_amount(amount: object, currency: object) -> str:
    """Return a Cloud API amount (`value` over `offset`) in the reader's format; "" if invalid."""
    held = as_dict(amount)
    value, offset = held.get("value"), held.get("offset")
    if type(value) is not int or type(offset) is not int or offset < 1 or abs(value) > 10**15:
        return ""
    try:
        locale = to_locale(get_language() or "en")
        return format_currency(Decimal(value) / Decimal(offset), as_text(currency), locale=locale)
    except (UnknownLocaleError, ValueError):
        return ""


@register.filter
def item_amount(item: object) -> dict[str, object]:
    """Return the total of an item in a payment message, as an amount; {} if invalid."""
    held = as_dict(item)
    amount, quantity = as_dict(held.get("sale_amount") or held.get("amount")), held.get("quantity")
    if type(amount.get("value")) is not int or type(quantity) is not int:
        return {}
    return amount | {"value": amount["value"] * quantity}


@register.filter
def payment_link(content: object) -> str:
    """Return the payment URL of an `order_details` message; "" without one."""
    parameters = as_dict(as_dict(as_dict(content).get("action")).get("parameters"))
    links = [
        as_dict(one).get("payment_link") for one in as_list(parameters.get("payment_settings"))
    ]
    return next((as_text(as_dict(link).get("uri")) for link in links if link), "")


@register.filter
def payment_state(content: object) -> str:
    """Return in words what the network reported of an order's payment; "" for nothing."""
    reported = payments.payment_of(as_dict(content))
    status = as_text(reported.get("status"))
    transaction = as_dict(as_dict(reported.get("payment")).get("transaction"))
    if status == "captured":
        return _("Refunded") if transaction.get("refunds") else _("Paid")
    if transaction.get("status") == "failed":
        return _("The payment failed")
    return _("Payment pending") if status == "pending" else ""


@register.filter
def payment_name(way: payments.Way) -> str:
    """Return the name of a way to pay."""
    name = str(PAYMENT_NAMES.get(way.kind, way.kind))
    return f"{name}: {way.name}" if way.name else name


@register.filter
def public_path(address: str) -> str:
    """Return the path of a public page of ours (`/s/…`); "" for other URLs."""
    path = address.removeprefix(settings.BASE_URL)
    return path if path.startswith("/s/") else ""


@register.filter
def ordered_amount(item: dict[str, object]) -> str:
    """Return the price of an order's item, times its quantity, as an amount of its currency.

    What a client sent that is no amount is shown as it came.
    """
    price, currency = as_text(item.get("item_price")), as_text(item.get("currency"))
    try:
        amount = Decimal(price or str(item.get("item_price"))) * int(str(item.get("quantity", 1)))
        return str(format_currency(amount, currency, locale=to_locale(get_language() or "en")))
    except (ArithmeticError, ValueError, UnknownLocaleError):
        return f"{item.get('item_price')} {currency}"


@register.filter
def order_lines(
    content: object, products: list[ProductCard]
) -> list[tuple[dict[str, object], ProductCard]]:
    """Return the items of an order with their products."""
    return list(
        zip(map(as_dict, as_list(as_dict(content).get("product_items"))), products, strict=False)
    )

"""Quoting: what one message to one customer would cost now, said before it is sent."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.models import Rule
from core import money
from core.sql import select
from core.territories import locale
from hosting.extensions import MessageNote
from hosting.models import Category, Conversation


@dataclass(frozen=True, slots=True)
class Quote:
    """What one message of a category would cost now, in micro-units, and the rule that says so."""

    category: str
    market: str
    currency: str
    micros: int
    rule: str


def prices(conversation: Conversation) -> list[Quote]:
    """A quote for each category that has a price or is free, within the business's scope.

    One query, or two where the 24-hour window is open for free-form messages alone.
    """
    now = conversation.business.now()
    windows = {
        category: conversation.window_open(at=now)
        if category == Category.SERVICE
        else conversation.window_proven(at=now)
        for category in Category.values
    }
    parameters = {
        "business_id": conversation.business_id,
        "number_id": conversation.number_id,
        "wa_id": conversation.contact.wa_id,
        "at": now,
        "free_entry_at": conversation.free_entry(at=now),
    }
    return [
        Quote(**row)
        for is_open in sorted(set(windows.values()))
        for row in select(
            "billing",
            "next_prices",
            parameters
            | {
                "window_open": is_open,
                "categories": [name for name, its in windows.items() if its == is_open],
            },
        )
    ]


def quotes(conversation: Conversation) -> dict[str, MessageNote]:
    """The price by category, in words for the reader."""
    return {quote.category: _note(quote) for quote in prices(conversation)}


def _note(quote: Quote) -> MessageNote:
    if quote.rule != Rule.TIER:
        return MessageNote(_("Free"), str(_FREE.get(quote.rule, _WINDOW)), place=quote.market)
    text = money.show_micros(quote.micros, quote.currency, locale())
    return MessageNote(
        text,
        _("The price of the next message to %(market)s.") % {"market": quote.market},
        place=quote.market,
    )


_WINDOW = gettext_lazy("Free while the 24-hour window is open.")
_FREE: dict[str, Any] = {
    Rule.FREE_ENTRY: gettext_lazy("Free: the customer came by an ad or a page's button."),
    Rule.ALLOWANCE: gettext_lazy("Free: within the month's free messages of this number."),
}

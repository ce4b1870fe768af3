"""Quoting: what one message to one customer would cost now, said before it is sent."""

from typing import Any

from django.utils.translation import gettext as _

from accounts import money
from accounts.statements import select
from accounts.templatetags.amounts import locale
from billing.models import Rule
from hosting.extensions import MessageNote
from hosting.models import Category, Conversation


def quotes(conversation: Conversation) -> dict[str, MessageNote]:
    """The price by category, in words for the reader; one query, within the business's scope."""
    business = conversation.business
    now = business.now()
    parameters = {
        "business_id": business.pk,
        "wa_id": conversation.contact.wa_id,
        "at": now,
        "categories": list(Category.values),
        "window_open": conversation.window_open(at=now),
        "free_entry_at": conversation.free_entry_at,
    }
    return {row["category"]: _note(row, business.currency) for row in select("billing", "next_prices", parameters)}


def _note(quote: dict[str, Any], currency: str) -> MessageNote:
    market = quote["market"]
    if quote["rule"] == Rule.FREE_ENTRY:
        return MessageNote(_("Free"), _("Free: the customer came by an ad or a page's button."), place=market)
    if quote["rule"] != Rule.TIER:
        return MessageNote(_("Free"), _("Free while the 24-hour window is open."), place=market)
    text = money.show_micros(quote["micros"], currency, locale())
    return MessageNote(text, _("The price of the next message to %(market)s.") % {"market": market}, place=market)

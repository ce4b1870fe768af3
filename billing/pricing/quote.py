"""Quoting: what one message to one customer would cost now, said before it is sent."""

from django.db import connection
from django.utils.translation import gettext as _

from core import money
from core.sql import statement
from core.territories import locale
from hosting.extensions import MessageNote
from hosting.models import Conversation


def quotes(conversation: Conversation) -> dict[str, MessageNote]:
    """The price by category, in words for the reader; one query, within the business's scope."""
    business = conversation.business
    now = business.now()
    with connection.cursor() as cursor:
        cursor.execute(
            statement("billing", "next_prices"),
            {
                "business_id": business.pk,
                "wa_id": conversation.contact.wa_id,
                "at": now,
                "window_open": conversation.window_open(at=now),
                "free_entry_at": conversation.free_entry_at,
            },
        )
        rows = cursor.fetchall()
    return {
        category: _note(market, micros, free_by, business.currency)
        for category, market, micros, free_by in rows
    }


def _note(market: str, micros: int, free_by: str, currency: str) -> MessageNote:
    if free_by == "free_entry":
        return MessageNote(
            _("Free"), _("Free: the customer came by an ad or a page's button."), place=market
        )
    if free_by:
        return MessageNote(_("Free"), _("Free while the 24-hour window is open."), place=market)
    text = money.show_micros(micros, currency, locale())
    return MessageNote(
        text, _("The price of the next message to %(market)s.") % {"market": market}, place=market
    )

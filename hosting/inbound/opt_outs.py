"""Opting: customers end marketing, and resume it, by a word of their own or by a member's hand."""

from collections.abc import Sequence

from django.db import connection
from django.utils.translation import gettext as _

from accounts.audit import record
from accounts.models import Business
from core.errors import BadInput
from core.sql import statement
from hosting.inbound.senders import Settled
from hosting.models import Contact, OptOutWords
from hosting.models.broadcasts import MAX_WORD, START_WORDS, STOP_WORDS

MAX_WORDS = 50


def heed(rows: Sequence[Settled]) -> None:
    """Follow the customers whose whole message is such a word; across businesses, with the messages' own transaction."""
    said = [
        row
        for row in rows
        if 0 < len(row.message.text) <= MAX_WORD + 2 and row.message.kind in KINDS
    ]
    if not said:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            statement("hosting", "heed_opt_outs"),
            {
                "business_ids": [row.number.business_id for row in said],
                "wa_ids": [row.wa_id for row in said],
                "words": [plain(row.message.text) for row in said],
                "times": [row.at for row in said],
                "stop": list(STOP_WORDS),
                "start": list(START_WORDS),
            },
        )


# A tapped quick reply says the same as a typed word.
KINDS = frozenset(("text", "button", "interactive"))


def plain(text: str) -> str:
    """A word as it is compared: upper case, without quotes, full stops and marks around it."""
    return " ".join(text.split()).strip(" .!\"'“”„*").upper()


def mark(contact: Contact, *, wants_marketing: bool) -> None:
    """A member says whether broadcasts of marketing reach the customer; audited."""
    contact.opted_out_at = None if wants_marketing else contact.business.now()
    contact.save(update_fields=["opted_out_at"])
    action = "contact.opted_in" if wants_marketing else "contact.opted_out"
    record.record(action=action, subject=f"contact {contact.pk}", business=contact.business_id)


def words_of(business: Business) -> tuple[list[str], list[str]]:
    """The words that end marketing, and those that resume it."""
    own = OptOutWords.objects.filter(business=business).first()
    return (own.stop, own.start) if own else (list(STOP_WORDS), list(START_WORDS))


def choose_words(business: Business, *, stop: str, start: str) -> None:
    """Give the business words of its own, one a line; BadInput names the field."""
    chosen = {"stop": _words(stop, "stop"), "start": _words(start, "start")}
    if not chosen["stop"]:
        raise BadInput(
            _("Keep at least one word by which customers can end marketing."), field="stop"
        )
    if both := sorted(set(chosen["stop"]) & set(chosen["start"])):
        raise BadInput(
            _("%(word)s cannot both end and resume marketing.") % {"word": both[0]}, field="start"
        )
    OptOutWords.objects.update_or_create(business=business, defaults=chosen)
    record.record(action="opt_out_words.changed", subject=business, business=business, after=chosen)


def _words(text: str, field: str) -> list[str]:
    words = list(dict.fromkeys(filter(None, map(plain, text.splitlines()))))
    if len(words) > MAX_WORDS or any(len(word) > MAX_WORD for word in words):
        raise BadInput(_("At most 50 words of at most 40 characters, one a line."), field=field)
    return words

"""Opt-outs from marketing: by a customer's keyword or a member's action."""

from collections.abc import Sequence

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.audit import record
from accounts.models import Business
from core.errors import BadInput
from core.sql import statement
from hosting.cloudapi.other_fields import Preference
from hosting.contacts.identity import user_id_for
from hosting.contacts.number_changes import changes_of, digits_of, id_at
from hosting.inbound.senders import ResolvedMessage
from hosting.models import Contact, OptOutWords
from hosting.models.broadcasts import MAX_WORD, START_WORDS, STOP_WORDS

MAX_KEYWORDS = 50


def apply_keywords(rows: Sequence[ResolvedMessage]) -> None:
    """Opt customers out or in whose whole message is a keyword.

    Call across businesses, in the transaction that writes the messages.
    """
    said = [
        row
        for row in rows
        if 0 < len(row.message.text) <= MAX_WORD + 2
        and row.message.kind in KINDS
        and not row.message.author
    ]
    if not said:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            statement("hosting", "apply_opt_out_keywords"),
            {
                "business_ids": [row.number.business_id for row in said],
                "wa_ids": [row.wa_id for row in said],
                "words": [normalized(row.message.text) for row in said],
                "times": [row.at for row in said],
                "stop": list(STOP_WORDS),
                "start": list(START_WORDS),
            },
        )


def apply_preference(business_id: int, said: Preference) -> None:
    """Opt a customer out of marketing, or in again, as the network's own button told.

    A customer who never wrote is made, so that the wish holds. Call across businesses.
    """
    at = said.at or timezone.now()
    changed = id_at(changes_of({(business_id, said.wa_id)}).get((business_id, said.wa_id), ()), at)
    wa_id = changed or digits_of({(business_id, said.user_id)}).get(
        (business_id, said.user_id), said.wa_id
    )
    contact, _is_new = Contact.objects.get_or_create(
        business_id=business_id,
        wa_id=wa_id,
        defaults={"user_id": said.user_id or user_id_for(wa_id)},
    )
    if said.wants_marketing != (contact.opted_out_at is None):
        Contact.objects.filter(pk=contact.pk).update(
            opted_out_at=None if said.wants_marketing else at
        )


# Quick replies count like typed words.
KINDS = frozenset(("text", "button", "interactive"))


def normalized(text: str) -> str:
    """Return a keyword as it is compared: upper case, without quotes and punctuation."""
    return " ".join(text.split()).strip(" .!\"'“”„*").upper()


def set_marketing(contact: Contact, *, wants_marketing: bool) -> None:
    """Set whether marketing broadcasts reach the contact, on a member's request; audited."""
    contact.opted_out_at = None if wants_marketing else contact.business.now()
    contact.save(update_fields=["opted_out_at"])
    action = "contact.opted_in" if wants_marketing else "contact.opted_out"
    record.record(action=action, subject=f"contact {contact.pk}", business=contact.business_id)


def keywords_of(business: Business) -> tuple[list[str], list[str]]:
    """Return the business's opt-out keywords and its opt-in keywords."""
    own = OptOutWords.objects.filter(business=business).first()
    return (own.stop, own.start) if own else (list(STOP_WORDS), list(START_WORDS))


def set_keywords(business: Business, *, stop: str, start: str) -> None:
    """Set the business's own keywords, given one a line; raises BadInput naming the field."""
    chosen = {"stop": _keywords(stop, "stop"), "start": _keywords(start, "start")}
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


def _keywords(text: str, field: str) -> list[str]:
    words = list(dict.fromkeys(filter(None, map(normalized, text.splitlines()))))
    if len(words) > MAX_KEYWORDS or any(len(word) > MAX_WORD for word in words):
        raise BadInput(_("At most 50 words of at most 40 characters, one a line."), field=field)
    return words

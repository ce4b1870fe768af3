"""API keys over time: made, replaced, revoked, each time on record."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.timezone import now as utc_now
from django.utils.translation import gettext as _

from accounts.audit import record
from accounts.models import ApiKey, Business, KeyScope
from core.errors import BadInput

# While programs move to a new key, the old one still works this long.
OVERLAP = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class KeyNumber:
    """A number that a key may be limited to: its row's id, the id that programs name it by, what people call it."""

    pk: int
    phone_number_id: str
    label: str


# An app that has numbers says which a business has, in the order of its pages.
number_sources: list[Callable[[Business], list[KeyNumber]]] = []


def numbers_of(business: Business) -> list[KeyNumber]:
    """All numbers that a key of the business may be limited to."""
    return [number for source in number_sources for number in source(business)]


def name_numbers(business: Business, keys: Sequence[ApiKey]) -> None:
    """Set `numbers` of each key to the labels of those it is limited to; empty: all. One query for all keys."""
    labels = {number.pk: number.label for number in numbers_of(business)}
    for key in keys:
        key.numbers = [labels.get(pk, _("a number that is gone")) for pk in key.number_ids or ()]  # type: ignore[attr-defined]


def make_key(
    *,
    business: Business,
    name: str,
    scopes: Sequence[str],
    expires_at: datetime | None = None,
    number_ids: Sequence[int] | None = None,
) -> tuple[ApiKey, str]:
    """A new key and its text, which is shown this once; without `number_ids` it reaches all numbers.

    Raises BadInput for no or unknown scopes, a past expiry, or a number that is not the business's.
    """
    if not scopes or not set(scopes) <= set(KeyScope.values):
        raise BadInput(_("Choose what the key reaches."), field="scopes")
    if expires_at is not None and expires_at <= utc_now():
        raise BadInput(_("The key would have expired already."), field="expires_at")
    if not set(number_ids or ()) <= {number.pk for number in numbers_of(business)}:
        raise BadInput(_("Choose among your own numbers."), field="number_ids")
    with transaction.atomic():
        key, text = ApiKey.issue(
            business, name=name, scopes=list(scopes), number_ids=number_ids, expires_at=expires_at
        )
        after = {"scopes": list(scopes), "number_ids": key.number_ids, "expires_at": expires_at}
        record.record(action="key.made", subject=key, business=business, after=after)
    return key, text


def replace_key(*, key: ApiKey) -> tuple[ApiKey, str]:
    """A successor with the same reach; both work for 24 hours, then only the new one."""
    with transaction.atomic():
        held = ApiKey.objects.select_for_update(of=("self",)).get(pk=key.pk)
        if held not in ApiKey.objects.live().filter(pk=held.pk):
            raise BadInput(_("Only a live key can be replaced."))
        successor, text = make_key(
            business=key.business, name=held.name, scopes=held.scopes, number_ids=held.number_ids
        )
        end = utc_now() + OVERLAP
        before = held.expires_at
        held.expires_at = end if before is None else min(before, end)
        held.save(update_fields=["expires_at"])
        record.record(
            action="key.replaced", subject=held, business=key.business_id,
            before={"expires_at": before}, after={"expires_at": held.expires_at, "successor": successor.prefix},
        )  # fmt: skip
    return successor, text


def revoke_key(*, key: ApiKey) -> None:
    """Make a key useless from the next request on."""
    with transaction.atomic():
        if ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=utc_now()):
            record.record(action="key.revoked", subject=key, business=key.business_id)

"""API keys: creating, replacing and revoking them, each recorded in the audit log."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.timezone import now as utc_now
from django.utils.translation import gettext as _

from accounts.audit import record
from accounts.models import ApiKey, Business, KeyScope
from core.errors import BadInput
from core.registry import Registry

# How long a replaced key still works while programs change to the new one.
OVERLAP = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class KeyNumber:
    """A number that a key may be limited to: row id, `phone_number_id`, and label."""

    pk: int
    phone_number_id: str
    label: str


number_sources: Registry[Callable[[Business], list[KeyNumber]]] = Registry(
    "accounts.api_keys.number_sources",
    "Functions that return the numbers of a business to which its API keys may be limited.",
)


def numbers_of(business: Business) -> list[KeyNumber]:
    """All numbers that API keys of the business may be limited to."""
    return [number for source in number_sources for number in source(business)]


def name_numbers(business: Business, keys: Sequence[ApiKey]) -> None:
    """Set `numbers` of each key to the labels of its numbers; empty for all. One query."""
    labels = {number.pk: number.label for number in numbers_of(business)}
    for key in keys:
        key.numbers = [labels.get(pk, _("a number that is gone")) for pk in key.number_ids or ()]  # type: ignore[attr-defined]


def create_key(
    *,
    business: Business,
    name: str,
    scopes: Sequence[str],
    expires_at: datetime | None = None,
    number_ids: Sequence[int] | None = None,
) -> tuple[ApiKey, str]:
    """Create a key; returns it and its text, which is not stored.

    Without `number_ids` the key reaches all numbers. Raises BadInput for no or unknown scopes, an
    expiry in the past, or a number of another business.
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
        record.record(action="key.created", subject=key, business=business, after=after)
    return key, text


def replace_key(*, key: ApiKey) -> tuple[ApiKey, str]:
    """Create a key with the same scopes and numbers; both work for 24 hours.

    Returns the new key and its text. Raises BadInput for a key that is revoked or expired.
    """
    with transaction.atomic():
        held = ApiKey.objects.select_for_update(of=("self",)).get(pk=key.pk)
        if held not in ApiKey.objects.live().filter(pk=held.pk):
            raise BadInput(_("Only a live key can be replaced."))
        successor, text = create_key(
            business=key.business, name=held.name, scopes=held.scopes, number_ids=held.number_ids
        )
        end = utc_now() + OVERLAP
        before = held.expires_at
        held.expires_at = end if before is None else min(before, end)
        held.save(update_fields=["expires_at"])
        record.record(
            action="key.replaced",
            subject=held,
            business=key.business_id,
            before={"expires_at": before},
            after={"expires_at": held.expires_at, "successor": successor.prefix},
        )
    return successor, text


def revoke_key(*, key: ApiKey) -> None:
    """Revoke a key from the next request on; does nothing where it is revoked already."""
    with transaction.atomic():
        if ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=utc_now()):
            record.record(action="key.revoked", subject=key, business=key.business_id)

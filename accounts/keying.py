"""API keys over time: made, replaced, revoked, each time on record."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.timezone import now as utc_now
from django.utils.translation import gettext as _

from accounts import auditing
from accounts.errors import BadInput
from accounts.models import ApiKey, Business, KeyScope

# While programs move to a new key, the old one still works this long.
OVERLAP = timedelta(hours=24)


def make_key(
    *, business: Business, name: str, scopes: Sequence[str], expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """A new key and its text, which is shown this once. Raises BadInput for no or unknown scopes or a past expiry."""
    if not scopes or not set(scopes) <= set(KeyScope.values):
        raise BadInput(_("Choose what the key reaches."), field="scopes")
    if expires_at is not None and expires_at <= utc_now():
        raise BadInput(_("The key would have expired already."), field="expires_at")
    with transaction.atomic():
        key, text = ApiKey.issue(business, name=name, scopes=list(scopes))
        if expires_at is not None:
            key.expires_at = expires_at
            key.save(update_fields=["expires_at"])
        after = {"scopes": list(scopes), "expires_at": expires_at}
        auditing.record(action="key.made", subject=key, business=business, after=after)
    return key, text


def replace_key(*, key: ApiKey) -> tuple[ApiKey, str]:
    """A successor with the same reach; both work for 24 hours, then only the new one."""
    with transaction.atomic():
        held = ApiKey.objects.select_for_update(of=("self",)).get(pk=key.pk)
        if held not in ApiKey.objects.live().filter(pk=held.pk):
            raise BadInput(_("Only a live key can be replaced."))
        successor, text = make_key(business=key.business, name=held.name, scopes=held.scopes)
        end = utc_now() + OVERLAP
        before = held.expires_at
        held.expires_at = end if before is None else min(before, end)
        held.save(update_fields=["expires_at"])
        auditing.record(
            action="key.replaced", subject=held, business=key.business_id,
            before={"expires_at": before}, after={"expires_at": held.expires_at, "successor": successor.prefix},
        )  # fmt: skip
    return successor, text


def revoke_key(*, key: ApiKey) -> None:
    """Make a key useless from the next request on."""
    with transaction.atomic():
        if ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=utc_now()):
            auditing.record(action="key.revoked", subject=key, business=key.business_id)

"""Webhook fields beside `messages`: applied, listed for the business, passed on to its webhooks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from django.db.models import Q

from hosting.cloudapi import other_fields
from hosting.cloudapi.updates import OtherUpdate
from hosting.contacts.identity_locks import lock_identities
from hosting.imports import app_history
from hosting.inbound import network_notices, opt_outs
from hosting.inbound.reach import Reach, StoredEvent
from hosting.message_templates import review, upstream_sync
from hosting.models import Account, EventSource, Number
from hosting.numbers import upstream_notices

log = structlog.get_logger(__name__)
TEMPLATES = (review.STATUS_FIELD, review.QUALITY_FIELD, "template_category_update")


@dataclass(frozen=True, slots=True)
class Notice:
    """A change with the account and number that it counts for; without a number it names none."""

    event: StoredEvent
    update: OtherUpdate
    account: Account
    number: Number | None


def apply_other(found: Sequence[tuple[StoredEvent, OtherUpdate]], reach: Reach) -> None:
    """Apply changes that are not of the field `messages`. Call across businesses."""
    if not found:
        return
    accounts = _accounts(found)
    for event, update in found:
        notice = _counted(event, update, accounts, reach)
        if notice is None:
            log.warning(
                "foreign_ids_dropped",
                event_id=event.id,
                account=event.account_id,
                waba=update.account,
            )
        else:
            _apply(notice)


def _accounts(found: Sequence[tuple[StoredEvent, OtherUpdate]]) -> list[Account]:
    """Return the accounts of these events, and those that the platform's own address names."""
    ids = {event.account_id for event, _ in found if event.account_id}
    named = {update.account for event, update in found if not event.account_id}
    rows = Account.objects.filter(Q(pk__in=ids) | Q(waba_id__in=named))
    return list(rows.select_related("upstream"))


def _counted(
    event: StoredEvent, update: OtherUpdate, accounts: Sequence[Account], reach: Reach
) -> Notice | None:
    """Return whom the change counts for; None where an id of it is not the credential's own."""
    for account in accounts:
        upstream = getattr(account, "upstream", None)
        own = (account.waba_id, upstream.waba_id) if upstream else (account.waba_id,)
        if update.account not in own or event.account_id not in (None, account.pk):
            continue
        if not update.phone_number_id:
            return Notice(event, update, account, None)
        number = reach.number_for_message(event, update.phone_number_id)
        if number is not None and number.account_id == account.pk:
            return Notice(event, update, account, number)
    return None


def _apply(notice: Notice) -> None:
    field, value, account = notice.update.field, notice.update.value, notice.account
    if field in TEMPLATES:
        # Reviewed here, or by the network: what it says is passed on in our own words.
        if _is_of_network(notice):
            upstream_sync.apply_event(account, field=field, value=value)
        return
    if notice.number is not None:
        _apply_to_number(notice.number, field, value)
    elif _is_of_network(notice):
        upstream_notices.apply(account, field=field, value=value)
    network_notices.record(
        account, notice.number, field=field, value=value, is_known=field in other_fields.KNOWN
    )


def _is_of_network(notice: Notice) -> bool:
    upstream = getattr(notice.account, "upstream", None)
    return upstream is not None and notice.event.source in (
        EventSource.UPSTREAM,
        EventSource.PLATFORM,
    )


def _apply_to_number(number: Number, field: str, value: dict[str, Any]) -> None:
    if field == other_fields.PREFERENCES:
        for one in other_fields.preferences(value):
            opt_outs.apply_preference(number.business_id, one)
    elif field == other_fields.ECHOES:
        app_history.write(number, list(other_fields.echoes(value)), is_past=False)
    elif field == other_fields.HISTORY:
        app_history.write(number, list(other_fields.history(value)), is_past=True)
    elif field == other_fields.ADDRESS_BOOK:
        lock_identities(changing=(), reading=[number.business_id])
        app_history.name_contacts(number.business_id, other_fields.address_book(value))

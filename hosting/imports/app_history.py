"""What the app of a number's phone sent, received and named: imports, never billed."""

from collections.abc import Iterable, Sequence

from django.utils import timezone

from core import widths
from hosting.cloudapi.json import as_text, dumped
from hosting.cloudapi.other_fields import AddressBookEntry, PastMessage
from hosting.cloudapi.sends import MEDIA_KINDS
from hosting.cloudapi.texts import text_of
from hosting.cloudapi.webhooks import stored_content
from hosting.contacts.identity import user_id_for
from hosting.contacts.identity_locks import lock_identities
from hosting.imports.formats.rows import copy_line
from hosting.imports.sets import PAST, PRESENT, write_set
from hosting.models import ChatImport, Contact, Number

TITLE = "WhatsApp Business app"


def write(number: Number, found: Sequence[PastMessage], *, is_past: bool) -> None:
    """Write messages of the app into the number's threads; those that are there stay as they are.

    With `is_past` they stand above all that is hosted. No window opens, nothing is counted.
    """
    if not found:
        return
    lock_identities(changing=(), reading=[number.business_id])
    job = _import_of(number)
    text = "".join(_row(n, number, one) for n, one in enumerate(found))
    _, _, written = write_set(job, text, ids=PAST if is_past else PRESENT)
    new = sum(one.added for one in written)
    job.processed, job.added = job.processed + len(found), job.added + new
    job.save(update_fields=["processed", "added"])


def _import_of(number: Number) -> ChatImport:
    """Return the import under which all that this number's app tells is kept."""
    source = ChatImport.Source.APP
    rows = ChatImport.objects.select_for_update(of=("self",)).order_by("id")
    found = rows.filter(business_id=number.business_id, number=number, source=source).first()
    return found or ChatImport.objects.create(
        business_id=number.business_id,
        number=number,
        source=source,
        filename=TITLE,
        state=ChatImport.State.DONE,
        finished_at=timezone.now(),
    )


def _row(n: int, number: Number, one: PastMessage) -> str:
    kind = (as_text(one.raw.get("type")) or "unknown")[: widths.MESSAGE_KIND]
    content = stored_content(kind, one.raw)
    text = text_of(kind, content)
    if kind in MEDIA_KINDS:
        # Its file stays in the app.
        kind, content = "media_placeholder", {"kind": kind}
    status = one.status if one.is_own else "received"
    moment = one.at if one.is_own and status != "failed" else None
    return copy_line(
        n, number.pk, one.customer, user_id_for(one.customer), "", one.wamid,
        "out" if one.is_own else "in", kind, text, dumped(content) or "{}", "", "",
        "service" if one.is_own else "", False, None, None, None, status, None,
        one.at, moment, moment if status in ("delivered", "read") else None,
        moment if status == "read" else None, one.at if status == "failed" else None, None, None,
    )  # fmt: skip


def name_contacts(business_id: int, entries: Iterable[AddressBookEntry]) -> None:
    """Make the contacts of an address book; a name of it stands where the business gave none."""
    for one in entries:
        contact, is_new = Contact.objects.get_or_create(
            business_id=business_id,
            wa_id=one.wa_id,
            defaults={"alias": one.name, "user_id": user_id_for(one.wa_id)},
        )
        if not is_new and not contact.alias and one.name:
            Contact.objects.filter(pk=contact.pk).update(alias=one.name)

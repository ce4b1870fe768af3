"""Finance exports: requested as a row, written by a worker, cancelled or resumed, stored by
hash.
"""

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from io import BytesIO
from typing import IO, Any, cast

import structlog
from django.core.files import File
from django.core.files.storage import default_storage
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Business, User
from billing.documents import workbook
from billing.documents.archive import InvoiceZip
from billing.errors import BillingError
from billing.journal import export as journal
from billing.models import Chart, CreditNote, Export, Invoice, InvoiceStatus, Posting
from core.csv import csv_rows
from core.errors import NotYours
from core.queue import Claimed, InSlices, Outcome, Queue
from core.queue.rows import opened_again
from core.queue.settle import lock, renew
from core.queue.work import work_all
from core.tenancy import system

log = structlog.get_logger(__name__)

REASON = "exports of every business"
# Documents are kept for ever; the export file can be written again.
FILE_LIFETIME = timedelta(days=30)
FILE_NAMES = {
    Export.Kind.ZIP: "invoices.zip",
    Export.Kind.JOURNAL: "journal.csv",
    Export.Kind.MESSAGES: "messages.xlsx",
}


class BadFilter(BillingError):
    """A filter is invalid."""

    code = "bad_filter"
    status = 400


class Cancelled(Exception):
    """The export was cancelled while it ran."""


def request_export(
    *,
    kind: str,
    business: Business | None = None,
    filters: dict[str, Any] | None = None,
    asked_by: User | None = None,
) -> Export:
    """Request an export.

    `filters` are `from` and `to` (YYYY-MM: months of invoices, of a journal months of posting),
    `statuses`, and for operators `businesses` (ids). A business's journal is its purchase journal,
    one without a business the seller's. Raises BadFilter.
    """
    filters = filters or {}
    if kind not in Export.Kind.values:
        raise BadFilter(f"kind must be one of {', '.join(Export.Kind.values)}.")
    _invoice_filter(filters)
    if kind == Export.Kind.JOURNAL and filters.get("statuses"):
        raise BadFilter("A journal has every event of its days, whatever an invoice's status.")
    with system("operators export for all businesses"):
        return Export.objects.create(
            kind=kind, business=business, filters=filters, asked_by=asked_by
        )


def get_export(business: Business, export_id: int) -> Export:
    """An export of this business; raises NotYours."""
    found = Export.objects.filter(business=business, pk=min(export_id, 2**62)).first()
    if found is None:
        raise NotYours
    return found


def cancel(*, export: Export) -> None:
    """Cancel an export that is not done; what was written so far is discarded."""
    _change_state(
        export, [Export.State.WAITING, Export.State.RUNNING], state=Export.State.CANCELLED
    )


def resume(*, export: Export) -> None:
    """Run a cancelled, failed or expired export again; existing documents are reused."""
    _change_state(
        export,
        [Export.State.CANCELLED, Export.State.FAILED, Export.State.EXPIRED],
        state=Export.State.WAITING,
        done=0,
        error="",
        **opened_again(),
    )


def run_due() -> int:
    """Make the exports that wait; returns how many were claimed."""
    return work_all(QUEUE)


def expire_files(limit: int = 200) -> int:
    """Delete the files of exports finished 30 days ago; returns how many expired."""
    with system(REASON):
        old = Export.objects.select_for_update().filter(
            state=Export.State.DONE, finished_at__lt=timezone.now() - FILE_LIFETIME
        )
        for export in (expired := list(old.order_by("id")[:limit])):
            Export.objects.filter(pk=export.pk).update(state=Export.State.EXPIRED)
            # Equal exports share one file.
            if not Export.objects.filter(state=Export.State.DONE, sha256=export.sha256).exists():
                default_storage.delete(export.path)
    return len(expired)


def invoices_of(export: Export) -> list[int]:
    """Ids of the issued invoices an export covers, test ones not, oldest first."""
    found = Invoice.objects.exclude(number=None).filter(_invoice_filter(export.filters))
    found = found.filter(is_test=False)
    if export.business_id:
        found = found.filter(business_id=export.business_id)
    return list(found.order_by("issued_at", "id").values_list("id", flat=True))


def postings_of(export: Export) -> list[int]:
    """Ids of the postings that a journal covers, in the order of their days."""
    filters = export.filters
    last = filters.get("to") and _month(filters["to"], "to")
    found = journal.postings(
        _month(filters["from"], "from") if filters.get("from") else None,
        (last + timedelta(days=31)).replace(day=1) - timedelta(days=1) if last else None,
    )
    if export.business_id:
        found = found.filter(business_id=export.business_id)
    elif businesses := filters.get("businesses"):
        found = found.filter(business_id__in=[int(one) for one in businesses])
    return list(journal.for_chart(found, _chart(export)).values_list("id", flat=True))


def _chart(export: Export) -> Chart:
    return Chart.CUSTOMER if export.business_id else Chart.SELLER


def month_credits_of(export: Export) -> list[CreditNote]:
    """Credit notes of whole months that an export covers, oldest first."""
    if export.filters.get("statuses"):
        return []
    found = CreditNote.objects.filter(_invoice_filter(export.filters), invoice=None)
    if export.business_id:
        found = found.filter(business_id=export.business_id)
    return list(found.select_related("period", "business").order_by("issued_at", "id"))


def _invoice_filter(filters: dict[str, Any]) -> Q:
    where = Q()
    unknown = set(filters) - {"from", "to", "statuses", "businesses"}
    if unknown:
        raise BadFilter(f"There is no filter {', '.join(sorted(unknown))}.")
    for name, lookup in (("from", "period__month__gte"), ("to", "period__month__lte")):
        if filters.get(name):
            where &= Q(**{lookup: _month(filters[name], name)})
    if statuses := filters.get("statuses"):
        if set(statuses) - set(InvoiceStatus.values):
            raise BadFilter(f"statuses must be some of {', '.join(InvoiceStatus.values)}.")
        where &= Q(status__in=statuses)
    if businesses := filters.get("businesses"):
        where &= Q(business_id__in=[int(one) for one in businesses])
    return where


def _month(text: Any, name: str) -> date:
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        raise BadFilter(f"{name} must be a month as YYYY-MM.") from None


def _change_state(export: Export, states: list[str], **fields: Any) -> None:
    with system("operators export for all businesses"):
        if not Export.objects.filter(pk=export.pk, state__in=states).update(**fields):
            raise BillingError(f"This export is {export.get_state_display().lower()}.")
        export.refresh_from_db()


def _run(row: Claimed) -> Outcome:
    with system(REASON):
        export = Export.objects.get(pk=row.key)
        export.state, export.done, export.started_at = Export.State.RUNNING, 0, timezone.now()
        is_journal = export.kind == Export.Kind.JOURNAL
        export.total = len(postings_of(export) if is_journal else invoices_of(export))
        export.save(update_fields=["state", "done", "total", "started_at"])
    try:
        with tempfile.TemporaryFile() as file:
            _write(export, row, file)
            _store_file(export, row, file)
    except Cancelled:
        log.info("export_cancelled", export=export.pk)
    return None


def _write(export: Export, row: Claimed, file: IO[bytes]) -> None:
    invoices = _iterate_invoices(export, row)
    if export.kind == Export.Kind.JOURNAL:
        for text in csv_rows(journal.COLUMNS, _journal_rows(export, row)):
            file.write(text.encode())
    elif export.kind == Export.Kind.MESSAGES:
        workbook.write(file, invoices)
    else:
        with closing(InvoiceZip(file)) as bundle:
            for invoice in invoices:
                bundle.add(invoice)
            with system(REASON):
                for note in month_credits_of(export):
                    bundle.add_document(note, note.month)


def _iterate_invoices(export: Export, row: Claimed) -> Iterator[Invoice]:
    """The invoices, each in its own transaction that ends when the next is requested.

    Records progress; raises Cancelled.
    """
    with system(REASON):
        ids = invoices_of(export)
    for done, invoice_id in enumerate(ids):
        with system(REASON):
            yield Invoice.objects.select_related("business", "period").get(pk=invoice_id)
            # The next attempt would begin from the start.
            if not renew(QUEUE, row, fresh=False):
                raise Cancelled
            Export.objects.filter(pk=export.pk).update(done=done + 1)


def _journal_rows(export: Export, row: Claimed) -> Iterator[journal.Row]:
    """Rows of the journal, a transaction for each chunk; records progress; raises Cancelled."""
    with system(REASON):
        ids, named = postings_of(export), journal.accounts(_chart(export))
    for begin in range(0, len(ids), journal.CHUNK):
        with system(REASON):
            found = Posting.objects.in_bulk(ids[begin : begin + journal.CHUNK])
            chunk = (found[one] for one in ids[begin : begin + journal.CHUNK])
            yield from journal.rows(chunk, _chart(export), named)
            if not renew(QUEUE, row, fresh=False):
                raise Cancelled
            Export.objects.filter(pk=export.pk).update(done=begin + len(found))


def _store_file(export: Export, row: Claimed, file: IO[bytes]) -> None:
    with system(REASON):
        if not renew(QUEUE, row, fresh=False):
            raise Cancelled
    file.seek(0)
    export.sha256 = hashlib.file_digest(cast(BytesIO, file), "sha256").hexdigest()
    export.size = file.tell()
    file.seek(0)
    if not default_storage.exists(export.path):
        default_storage.save(export.path, File(file))
    with system(REASON):
        if not lock(QUEUE, [row]):
            raise Cancelled
        Export.objects.filter(pk=export.pk).update(
            state=Export.State.DONE,
            sha256=export.sha256,
            size=export.size,
            name=f"parley-{export.pk}-{FILE_NAMES[Export.Kind(export.kind)]}",
            finished_at=timezone.now(),
            leased_until=None,
            leased_by=None,
            last_error="",
        )


QUEUE = Queue(
    name="finance_exports",
    about="Files for finance that were asked for.",
    model=Export,
    work=InSlices(_run),
    is_open=Q(state__in=["waiting", "running"]),
    # Shared out by business; operators' own are one more.
    owner="coalesce(business_id, 0)",
    scoped=False,
    lease_seconds=600,
    on_death={
        "state": "'failed'",
        "error": "left(mine.reason, 200)",
        "finished_at": "statement_timestamp()",
    },
    on_rerun={"state": "'waiting'", "error": "''", "done": "0", "finished_at": "NULL"},
    dead_title=_("Finance exports that failed"),
)

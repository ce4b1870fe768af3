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

from accounts.models import Business, User
from billing.documents import journal, workbook
from billing.documents.archive import InvoiceZip
from billing.errors import BillingError
from billing.models import Export, Invoice, InvoiceStatus
from core.errors import NotYours
from core.tenancy import system

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=10)
# Documents are kept for ever; the export file can be written again.
FILE_LIFETIME = timedelta(days=30)
MAX_ATTEMPTS = 5
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

    `filters` are `from` and `to` (YYYY-MM), `statuses`, and for operators `businesses` (ids).
    Raises BadFilter.
    """
    filters = filters or {}
    if kind not in Export.Kind.values:
        raise BadFilter(f"kind must be one of {', '.join(Export.Kind.values)}.")
    _invoice_filter(filters)
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
        attempts=0,
        done=0,
        error="",
        lease_until=None,
    )


def run_due() -> int:
    """Run the exports that wait; returns how many were handled."""
    handled = 0
    while export := _claim():
        _make(export)
        handled += 1
    return handled


def expire_files(limit: int = 200) -> int:
    """Delete the files of exports finished 30 days ago; returns how many expired."""
    with system("exports of every business"):
        old = Export.objects.select_for_update(skip_locked=True).filter(
            state=Export.State.DONE, finished_at__lt=timezone.now() - FILE_LIFETIME
        )
        for export in (expired := list(old.order_by("id")[:limit])):
            Export.objects.filter(pk=export.pk).update(state=Export.State.EXPIRED)
            # Equal exports share one file.
            if not Export.objects.filter(state=Export.State.DONE, sha256=export.sha256).exists():
                default_storage.delete(export.path)
    return len(expired)


def invoices_of(export: Export) -> list[int]:
    """Ids of the issued invoices an export covers, oldest first."""
    found = Invoice.objects.exclude(number=None).filter(_invoice_filter(export.filters))
    if export.business_id:
        found = found.filter(business_id=export.business_id)
    return list(found.order_by("issued_at", "id").values_list("id", flat=True))


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


def _claim() -> Export | None:
    """Claim an export that waits or whose worker died; the attempt is committed first."""
    now = timezone.now()
    due = Q(state=Export.State.WAITING) | Q(state=Export.State.RUNNING, lease_until__lt=now)
    with system("exports of every business"):
        Export.objects.filter(due, attempts__gte=MAX_ATTEMPTS).update(
            state=Export.State.FAILED,
            finished_at=now,
            error=f"The worker stopped {MAX_ATTEMPTS} times while it was made.",
        )
        export = (
            Export.objects.select_for_update(skip_locked=True).filter(due).order_by("id").first()
        )
        if export is None:
            return None
        export.attempts += 1
        export.state, export.lease_until, export.done = Export.State.RUNNING, now + LEASE, 0
        export.started_at, export.total = now, len(invoices_of(export))
        export.save(
            update_fields=["attempts", "state", "lease_until", "done", "total", "started_at"]
        )
        return export


def _make(export: Export) -> None:
    try:
        with tempfile.TemporaryFile() as file:
            _write(export, file)
            _store_file(export, file)
    except Cancelled:
        log.info("export_cancelled", export=export.pk)
    except Exception as error:
        log.exception("export_failed", export=export.pk)
        _finish(export, state=Export.State.FAILED, error=str(error)[:200])


def _write(export: Export, file: IO[bytes]) -> None:
    if export.kind == Export.Kind.JOURNAL:
        journal.write(file, _iterate_invoices(export))
    elif export.kind == Export.Kind.MESSAGES:
        workbook.write(file, _iterate_invoices(export))
    else:
        with closing(InvoiceZip(file)) as bundle:
            for invoice in _iterate_invoices(export):
                bundle.add(invoice)


def _iterate_invoices(export: Export) -> Iterator[Invoice]:
    """The invoices, each in its own transaction that ends when the next is requested; records
    progress.
    """
    with system("exports of every business"):
        ids = invoices_of(export)
    for done, invoice_id in enumerate(ids):
        with system("exports of every business"):
            yield Invoice.objects.select_related("business", "period").get(pk=invoice_id)
            _record_progress(export, done + 1)


def _record_progress(export: Export, done: int) -> None:
    running = Export.objects.filter(pk=export.pk, state=Export.State.RUNNING)
    if not running.update(done=done, lease_until=timezone.now() + LEASE):
        raise Cancelled


def _store_file(export: Export, file: IO[bytes]) -> None:
    file.seek(0)
    export.sha256 = hashlib.file_digest(cast(BytesIO, file), "sha256").hexdigest()
    export.size = file.tell()
    file.seek(0)
    if not default_storage.exists(export.path):
        default_storage.save(export.path, File(file))
    _finish(
        export,
        state=Export.State.DONE,
        sha256=export.sha256,
        size=export.size,
        name=f"parley-{export.pk}-{FILE_NAMES[Export.Kind(export.kind)]}",
    )


def _finish(export: Export, **fields: Any) -> None:
    with system("exports of every business"):
        Export.objects.filter(pk=export.pk, state=Export.State.RUNNING).update(
            finished_at=timezone.now(), **fields
        )

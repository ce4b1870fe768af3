"""Imports and exports of product feeds: upload, check, write in batches, export."""

import csv
import io
import re
import time
import uuid
from collections.abc import Iterator
from typing import IO, Any
from zoneinfo import ZoneInfo

import orjson
from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import connection
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from accounts.models import Business, User
from accounts.plans import limits
from core import links
from core.csv import csv_rows
from core.errors import BadInput, NotYours, ParleyError
from core.queue.rows import opened_again
from core.queue.work import work
from core.sql import statement
from core.tenancy import scope
from hosting import jobs
from hosting.media.store import safe_name
from shops.catalog import feed_columns, feed_csv, pictures
from shops.catalog.pictures import EDGES
from shops.catalog.products import add_collection, slug_of
from shops.models import Catalog, CatalogImport, ImportProblem
from shops.orders.place import stock_reason

State = CatalogImport.State
BATCH = 1_000
SAMPLE_ROWS = 5
# Nobody reads more: the file is corrected and imported again.
MAX_PROBLEMS = 20_000
_OWN_MEDIA = re.compile(r"media:(\d+)")


class WrongImportState(ParleyError):
    """The import is in a state that does not allow the action."""

    code = "not_now"
    status = 409


def create_import(
    *, catalog: Catalog, author: User | None, file: IO[bytes], filename: str
) -> CatalogImport:
    """Store an uploaded feed and queue its check.

    Raises BadInput, before anything is stored, for a file that is no feed, and TooManyRequests
    beyond the plan's rate.
    """
    limits.check_imports(catalog.business)
    raw = file.read(feed_csv.MAX_BYTES + 1)
    if len(raw) > feed_csv.MAX_BYTES:
        raise BadInput(
            _("A feed has at most %(most)d MB.") % {"most": feed_csv.MAX_BYTES // 2**20},
            field="file",
        )
    try:
        found = feed_csv.read_feed(raw)
    except feed_columns.BadFeed as refused:
        raise BadInput(str(refused), field="file") from None
    public_id = uuid.uuid4()
    path = default_storage.save(f"feeds/{catalog.business_id}/{public_id}", File(io.BytesIO(raw)))
    return CatalogImport.objects.create(
        business_id=catalog.business_id,
        catalog=catalog,
        author=author,
        public_id=public_id,
        path=path,
        size=len(raw),
        filename=safe_name(filename) or "products.csv",
        columns=list(found.columns),
        ignored=list(found.ignored)[:50],
    )


def get_import(business: Business, public_id: uuid.UUID) -> CatalogImport:
    """The business's import with this id; raises NotYours."""
    found = (
        CatalogImport.objects.filter(business=business, public_id=public_id)
        .select_related("catalog")
        .first()
    )
    if found is None:
        raise NotYours
    return found


def start_import(job: CatalogImport) -> None:
    """Start writing the good rows; raises WrongImportState unless the import is ready."""
    _change_state(
        job, (State.READY,), State.RUNNING, processed=0, position={}, started_at=timezone.now()
    )


def cancel_import(job: CatalogImport) -> None:
    """Stop the import; rows written so far stay."""
    _change_state(
        job,
        (State.READING, State.READY, State.RUNNING),
        State.CANCELLED,
        finished_at=timezone.now(),
    )
    _delete_file(job)


def _delete_file(job: CatalogImport) -> None:
    if job.path:
        default_storage.delete(job.path)


def _change_state(job: CatalogImport, states: tuple[str, ...], state: str, **changes: Any) -> None:
    mine = CatalogImport.objects.filter(pk=job.pk, state__in=states)
    if not mine.update(state=state, **opened_again(), **changes):
        raise WrongImportState(_("This import is in another state now."))
    job.refresh_from_db()


def run_due() -> int:
    """Run one slice of an import that is due; returns 1, or 0 when none is."""
    return work(QUEUE)


def _step(job: CatalogImport) -> None:
    try:
        _check_file(job) if job.state == State.READING else _write_file(job)
    except (feed_columns.BadFeed, FileNotFoundError) as error:
        is_bad = isinstance(error, feed_columns.BadFeed)
        with scope(job.business_id):
            jobs.finish(job, State.FAILED, error=str(error) if is_bad else "The file is gone.")
    if not job.is_working and job.state != State.READY:
        _delete_file(job)


QUEUE = jobs.job_queue(
    CatalogImport,
    _step,
    name="catalog_imports",
    about="Product feeds that are checked or written.",
    dead_title=_lazy("Product feeds given up"),
)


Row = tuple[int, dict[str, Any], list[feed_csv.Problem]]


def _rows(job: CatalogImport) -> Iterator[Row]:
    """(number, row, problems) of the whole file.

    A repeated id is a problem. Raises BadFeed beyond the maximum of rows.
    """
    with default_storage.open(job.path, "rb") as held:
        found = feed_csv.read_feed(held.read())
    shop = feed_csv.FeedContext(
        job.catalog.currency, ZoneInfo(job.business.timezone), settings.BASE_URL
    )
    seen: dict[str, int] = {}
    for count, (number, cells) in enumerate(found.rows, start=1):
        if count > feed_csv.MAX_ROWS:
            raise feed_columns.BadFeed(
                f"The file has more than {feed_csv.MAX_ROWS:,} products; split it."
            )
        row, problems = feed_csv.check_row(cells, number, shop)
        name = cells.get("id", "")
        if name in seen:
            problems.append(
                feed_csv.Problem(number, "id", name[:120], f"Row {seen[name]} has this id already.")
            )
        seen.setdefault(name, number)
        yield number, row, problems


def _batches(job: CatalogImport, skip: int = 0) -> Iterator[list[Row]]:
    batch: list[Row] = []
    for count, row in enumerate(_rows(job), start=1):
        if count > skip:
            batch.append(row)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _check_file(job: CatalogImport) -> None:
    """Store every problem and count known products; the whole file takes seconds."""
    with scope(job.business_id):
        ImportProblem.objects.filter(job=job).delete()
        jobs.keep(job, fresh=False, processed=0, bad=0, known=0, sample=[])
    noted = 0
    for batch in _batches(job):
        problems = [problem for _number, _row, found in batch for problem in found]
        good = [row for _number, row, found in batch if not found]
        with scope(job.business_id):
            known = job.catalog.products.filter(
                retailer_id__in=[row["retailer_id"] for row in good]
            ).count()
            _store_problems(job, problems[: max(0, MAX_PROBLEMS - noted)])
            noted += len(problems)
            jobs.keep(
                job,
                fresh=False,
                processed=job.processed + len(batch),
                bad=job.bad + len(batch) - len(good),
                known=job.known + known,
                sample=(job.sample + good)[:SAMPLE_ROWS],
            )
    with scope(job.business_id):
        if not job.processed:
            raise feed_columns.BadFeed("The file names columns, but no product.")
        jobs.finish(job, State.READY, total=job.processed, finished_at=None)


def _store_problems(job: CatalogImport, problems: list[feed_csv.Problem]) -> None:
    ImportProblem.objects.bulk_create(
        ImportProblem(
            business_id=job.business_id,
            job=job,
            row=one.row,
            column=one.column,
            value=one.value,
            reason=one.reason,
        )
        for one in problems
    )


def _write_file(job: CatalogImport) -> None:
    """Write batches until the slice is over.

    A batch, its counts and the position in the file are one transaction.
    """
    deadline, skip = time.monotonic() + jobs.SECONDS, int(job.position.get("rows", 0))
    for batch in _batches(job, skip):
        good = [row for _number, row, found in batch if not found]
        with (
            scope(job.business_id),
            stock_reason(_("Import of %(file)s") % {"file": job.filename[:80]}, author=job.author),
        ):
            added, changed = write_products(job.catalog, good, tuple(job.columns))
            skip += len(batch)
            jobs.keep(
                job,
                processed=skip,
                position={"rows": skip},
                added=job.added + added,
                changed=job.changed + changed,
            )
        if time.monotonic() > deadline:
            return
    with scope(job.business_id):
        jobs.finish(job, State.DONE)


def write_products(
    catalog: Catalog, rows: list[dict[str, Any]], columns: tuple[str, ...]
) -> tuple[int, int]:
    """Create or change products from rows; returns (added, changed). Call in a scope."""
    if not rows:
        return 0, 0
    given = feed_csv.fields_of(columns)
    names = {"business_id": catalog.business_id, "catalog_id": catalog.pk}
    with connection.cursor() as cursor:
        options = [name for name in feed_columns.OPTIONS if name in columns]
        held: dict[str, Any] = {**names, "rows": _json(rows), "given": given, "options": options}
        cursor.execute(statement("shops", "import_products"), held)
        written = dict(cursor.fetchall())
        touched = set(written)
        if "pictures" in given:
            touched |= pictures.replace_pictures(cursor, catalog, rows)
        if "custom_label_0" in given:
            cursor.execute(
                statement("shops", "import_collections"),
                names | {"rows": _json(_collection_slugs(catalog, rows))},
            )
            touched |= {product_id for (product_id,) in cursor.fetchall()}
    added = sum(written.values())
    return added, len(touched) - added


def _json(rows: list[dict[str, Any]]) -> str:
    return orjson.dumps(rows).decode()


def _collection_slugs(catalog: Catalog, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    known = set(catalog.collections.values_list("slug", flat=True))
    for name in dict.fromkeys(name for row in rows for name in row["collections"]):
        if slug_of(name) not in known:
            known.add(add_collection(catalog, name).slug)
    return [
        {"retailer_id": row["retailer_id"], "slugs": [slug_of(name) for name in row["collections"]]}
        for row in rows
    ]


def export_products(catalog: Catalog, held: IO[bytes]) -> None:
    """Write all products as a feed; importing it again changes nothing. Call in a scope."""
    text = io.TextIOWrapper(held, "utf-8", newline="", write_through=True)
    table = csv.writer(text, lineterminator="\r\n")
    table.writerow(feed_columns.COLUMNS)
    with connection.cursor() as cursor:
        cursor.execute(statement("shops", "export_products"), {"catalog_id": catalog.pk})
        names = [column.name for column in cursor.description or ()]
        for found in cursor:
            row = dict(zip(names, found, strict=True))
            row["options"] = (
                orjson.loads(row["options"]) if isinstance(row["options"], str) else row["options"]
            )
            row["pictures"] = [_picture_address(catalog, name) for name in row["pictures"]]
            table.writerow(feed_csv.export_row(row, catalog.currency))
    text.detach()
    held.seek(0)


def _picture_address(catalog: Catalog, name: str) -> str:
    own = _OWN_MEDIA.fullmatch(name)
    return (
        links.absolute(reverse("shop_picture", args=[catalog.slug, own[1], EDGES[-1]]))
        if own
        else name
    )


def problems_as_csv(job: CatalogImport) -> bytes:
    """Every problem as a line of row, column, value, reason."""
    columns = ("row", "column", "value", "reason")
    problems = job.problems.order_by("row", "id").values_list(*columns)
    return "".join(csv_rows(columns, problems)).encode("utf-8-sig")

"""The archive: a document is made once, kept under the hash of its bytes, and is the same for
ever.
"""

import hashlib

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from billing.documents import einvoice, pdf, tables
from billing.documents.sources import paper_of
from billing.errors import BillingError, NotIssuable
from billing.models import CreditNote, Document, Invoice, InvoiceStatus

PDF, CSV, XML = "application/pdf", "text/csv; charset=utf-8", "application/xml"
# kind -> what the file's name ends with, its content type
KINDS = {
    "pdf": (".pdf", PDF),
    "lines": ("-lines.csv", CSV),
    "cii": ("-cii.xml", XML),
    "ubl": ("-ubl.xml", XML),
    "facturx": ("-facturx.pdf", PDF),
}


class UnknownKind(BillingError):
    """There is no such document."""

    code = "unknown_document"
    status = 404
    message = f"There is no such document; there are: {', '.join(KINDS)}."


def document(source: Invoice | CreditNote, kind: str) -> Document:
    """The document of that kind, made on first asking; raises NotIssuable for a draft, UnknownKind
    for another kind.
    """
    if kind not in KINDS:
        raise UnknownKind
    if isinstance(source, Invoice) and source.status == InvoiceStatus.DRAFT:
        raise NotIssuable("A draft has no documents yet.")
    found = source.documents.filter(kind=kind).first()
    return found or _keep(source, kind, _bytes(source, kind))


def read(kept: Document) -> bytes:
    """The document's bytes; raises ValueError when they are not what was stored."""
    with default_storage.open(kept.path) as file:
        data: bytes = file.read()
    if hashlib.sha256(data).hexdigest() != kept.sha256:
        raise ValueError(f"{kept.name} in the storage is not what was stored")
    return data


def store(path: str, data: bytes) -> None:
    """Put bytes where their hash says, unless they are there."""
    if not default_storage.exists(path):
        default_storage.save(path, ContentFile(data))


def _keep(source: Invoice | CreditNote, kind: str, data: bytes) -> Document:
    suffix, content_type = KINDS[kind]
    owner = {"invoice": source} if isinstance(source, Invoice) else {"credit_note": source}
    made = Document(
        business_id=source.business_id,
        kind=kind,
        name=f"{source}{suffix}",
        content_type=content_type,
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        **owner,
    )
    # The file is written before the row, so that any row has its file; of two makers the first row
    # counts.
    store(made.path, data)
    Document.objects.bulk_create([made], ignore_conflicts=True)
    kept: Document = source.documents.get(kind=kind)
    return kept


def _bytes(source: Invoice | CreditNote, kind: str) -> bytes:
    paper = paper_of(source)
    if kind == "pdf":
        return pdf.render(paper)
    if kind == "lines":
        return (
            "".join(tables.lines_csv(source)).encode()
            if isinstance(source, Invoice)
            else tables.paper_csv(paper)
        )
    if kind == "cii":
        return einvoice.cii(paper)
    if kind == "ubl":
        return einvoice.ubl(paper)
    return einvoice.facturx(paper, pdf.render(paper))

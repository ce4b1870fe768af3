"""Archive of documents: made once, stored under the hash of their bytes, never changed."""

import hashlib
import zipfile
from datetime import date
from typing import IO

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import translation

from billing.documents import einvoice, pdf, tables
from billing.documents.content import DocumentContent
from billing.documents.sources import document_content
from billing.errors import BillingError, WrongStatus
from billing.models import CreditNote, Document, EInvoiceFormat, Invoice, InvoiceStatus

PDF, CSV, XML = "application/pdf", "text/csv; charset=utf-8", "application/xml"
# kind -> suffix of the file name, content type
KINDS = {
    "pdf": (".pdf", PDF),
    "lines": ("-lines.csv", CSV),
    "cii": ("-cii.xml", XML),
    "ubl": ("-ubl.xml", XML),
    "facturx": ("-facturx.pdf", PDF),
    "xrechnung": ("-xrechnung.xml", XML),
    "peppol": ("-peppol.xml", XML),
}
# A fixed date, so that the ZIP does not depend on when it was written.
ZIP_DATE = (1980, 1, 1, 0, 0, 0)


class UnknownKind(BillingError):
    """There is no such document."""

    code = "unknown_document"
    status = 404
    message = f"There is no such document; there are: {', '.join(KINDS)}."


def get_document(source: Invoice | CreditNote, kind: str) -> Document:
    """The document of this kind, made on first request.

    Raises WrongStatus for a draft, UnknownKind for another kind.
    """
    if kind not in KINDS:
        raise UnknownKind
    if isinstance(source, Invoice) and source.status == InvoiceStatus.DRAFT:
        raise WrongStatus("A draft has no documents yet.")
    found = source.documents.filter(kind=kind).first()
    return found or _store_document(source, kind, _render(source, kind))


def read_document(kept: Document) -> bytes:
    """The document's bytes; raises ValueError when they differ from what was stored."""
    with default_storage.open(kept.path) as file:
        data: bytes = file.read()
    if hashlib.sha256(data).hexdigest() != kept.sha256:
        raise ValueError(f"{kept.name} in the storage is not what was stored")
    return data


def store_file(path: str, data: bytes) -> None:
    """Store bytes under a path unless the path exists."""
    if not default_storage.exists(path):
        default_storage.save(path, ContentFile(data))


def _store_document(source: Invoice | CreditNote, kind: str, data: bytes) -> Document:
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
    # The file is written before the row, so that every row has its file; of concurrent writers
    # the first row wins.
    store_file(made.path, data)
    Document.objects.bulk_create([made], ignore_conflicts=True)
    kept: Document = source.documents.get(kind=kind)
    return kept


def kinds_for_customer(source: Invoice | CreditNote) -> list[str]:
    """Kinds of documents that the customer gets: PDF, lines, and the e-invoice it has chosen.

    Where the chosen e-invoice cannot be made, that of EN 16931 in UBL; none where that cannot be
    made either.
    """
    chosen = source.buyer.get("einvoice_format") or EInvoiceFormat.UBL
    if chosen == EInvoiceFormat.NONE:
        return ["pdf", "lines"]
    content = document_content(source)
    if einvoice.refusal(content):
        return ["pdf", "lines"]
    if einvoice.lacks(chosen, content.seller, content.buyer):
        chosen = EInvoiceFormat.UBL
    if chosen == EInvoiceFormat.FACTURX:
        return ["facturx", "lines"]
    return ["pdf", "lines", chosen]


def einvoice_kinds(source: Invoice | CreditNote) -> list[tuple[str, str]]:
    """(kind, name) of the e-invoices that can be made of it."""
    content = document_content(source)
    if einvoice.refusal(content):
        return []
    return [
        (str(one.value), str(one.label))
        for one in EInvoiceFormat
        if one.value in KINDS and not einvoice.lacks(one, content.seller, content.buyer)
    ]


def _render(source: Invoice | CreditNote, kind: str) -> bytes:
    content = document_content(source)
    with translation.override(content.language):
        return _made(source, content, kind)


def _made(source: Invoice | CreditNote, content: DocumentContent, kind: str) -> bytes:
    if kind == "pdf":
        return pdf.render(content)
    if kind == "lines":
        return (
            "".join(tables.lines_csv(source)).encode()
            if isinstance(source, Invoice)
            else tables.credit_note_csv(content)
        )
    if why := einvoice.refusal(content):
        raise einvoice.NotPossible(why)
    if kind == "facturx":
        return einvoice.facturx(content, pdf.render(content))
    return _XML[kind](content)


_XML = {
    "cii": einvoice.cii,
    "ubl": einvoice.ubl,
    "xrechnung": einvoice.xrechnung,
    "peppol": einvoice.peppol,
}


class InvoiceZip:
    """A ZIP being written to a file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(file, "w")

    def add(self, invoice: Invoice) -> None:
        """Add the documents of an invoice and its credit notes, in its month's folder."""
        sources: list[Invoice | CreditNote] = [invoice, *invoice.credit_notes.all()]
        for source in sources:
            self.add_document(source, invoice.period.month)

    def add_document(self, source: Invoice | CreditNote, month: date) -> None:
        """Add the documents of one invoice or credit note, in the folder of a month."""
        for kind in kinds_for_customer(source):
            kept = get_document(source, kind)
            entry = zipfile.ZipInfo(f"{month:%Y-%m}/{kept.name}", ZIP_DATE)
            self._zip.writestr(entry, read_document(kept), zipfile.ZIP_DEFLATED)

    def close(self) -> None:
        """Write the ZIP's directory."""
        self._zip.close()

"""ZIP of the documents of many invoices; equal invoices give equal bytes."""

import zipfile
from typing import IO

from billing.documents import archive
from billing.models import CreditNote, Invoice

KINDS = ("pdf", "lines")
# A fixed date, so that the ZIP does not depend on when it was written.
EPOCH = (1980, 1, 1, 0, 0, 0)


class InvoiceZip:
    """A ZIP being written to a file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(file, "w")

    def add(self, invoice: Invoice) -> None:
        """Add the documents of an invoice and its credit notes, in its month's folder."""
        sources: list[Invoice | CreditNote] = [invoice, *invoice.credit_notes.all()]
        for source in sources:
            for kind in KINDS:
                kept = archive.get_document(source, kind)
                entry = zipfile.ZipInfo(f"{invoice.period.month:%Y-%m}/{kept.name}", EPOCH)
                self._zip.writestr(entry, archive.read_document(kept), zipfile.ZIP_DEFLATED)

    def close(self) -> None:
        """Write the ZIP's directory."""
        self._zip.close()

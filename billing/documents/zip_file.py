"""One ZIP of many invoices' documents: PDF and lines, the same bytes for the same invoices."""

import zipfile
from typing import IO

from billing.documents import archive
from billing.models import CreditNote, Invoice

KINDS = ("pdf", "lines")
# A fixed date: the archive says when a paper was issued, the ZIP must not say when it was made.
EPOCH = (1980, 1, 1, 0, 0, 0)


class Bundle:
    """A ZIP being written to a file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(file, "w")

    def add(self, invoice: Invoice) -> None:
        """Put an invoice's documents, and those of its credit notes, into its month's folder."""
        papers: list[Invoice | CreditNote] = [invoice, *invoice.credit_notes.all()]
        for source in papers:
            for kind in KINDS:
                kept = archive.document(source, kind)
                entry = zipfile.ZipInfo(f"{invoice.period.month:%Y-%m}/{kept.name}", EPOCH)
                self._zip.writestr(entry, archive.read(kept), zipfile.ZIP_DEFLATED)

    def close(self) -> None:
        """Write the directory."""
        self._zip.close()

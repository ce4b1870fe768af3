"""Documents of invoices and credit notes: PDF, CSV, e-invoice, journal, workbook."""

"""Documents made from an invoice: bytes out, the same bytes every time."""

"""Messages that a business sends: checks, rate limits, rejections, edits, receipts, and the log."""

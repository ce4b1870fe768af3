"""Rate cards: versions, CSV files, and the terms of a business."""

"""Media files: stored, referenced, uploaded, fetched from links, shown as thumbnails."""

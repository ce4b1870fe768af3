"""Media files: storage, references from messages, uploads, links, thumbnails."""

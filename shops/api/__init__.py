"""Programs that sell: the REST API of shops."""

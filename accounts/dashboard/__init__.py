"""The dashboard: its navigation, and the panels of its home page, which upper apps add to."""

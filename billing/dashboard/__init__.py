"""What billing adds to the dashboard: panels, pages, settings, and what the command menu finds."""

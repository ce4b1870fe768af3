"""What shops add to the dashboard: pages, settings, and what the command menu finds."""

"""Live updates of open dashboards."""

"""Dashboard pages of hosting."""

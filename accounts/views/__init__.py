"""Dashboard pages of accounts: workspace, team, plan, audit log."""

"""Admin of accounts: businesses, plans, users, API keys, the audit log."""

from accounts.admin import businesses as businesses
from accounts.admin import people as people

"""Admin of accounts: businesses, plans, users, API keys, the audit log."""

from accounts.admin import businesses as businesses
from accounts.admin import emails as emails
from accounts.admin import heartbeats as heartbeats
from accounts.admin import people as people

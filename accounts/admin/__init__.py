"""Admin of accounts: who, on which plan, with which keys; and what was changed by whom."""

from accounts.admin import businesses as businesses
from accounts.admin import emails as emails
from accounts.admin import people as people

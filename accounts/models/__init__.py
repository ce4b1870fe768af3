"""Models of accounts: users, businesses, memberships, plans, API keys, the audit log."""

from accounts.models.audit import AuditEntry
from accounts.models.businesses import (
    ADMINS,
    AGENTS,
    FINANCE,
    Business,
    Membership,
    Plan,
    PlanTerm,
    Role,
    known_timezone,
)
from accounts.models.invitations import Invitation, in_a_week
from accounts.models.keys import ApiKey, ApiKeyQuerySet, KeyScope, SentKey, all_scopes
from accounts.models.users import User, UserManager

__all__ = [
    "ADMINS",
    "AGENTS",
    "FINANCE",
    "ApiKey",
    "ApiKeyQuerySet",
    "AuditEntry",
    "Business",
    "Invitation",
    "KeyScope",
    "Membership",
    "Plan",
    "PlanTerm",
    "Role",
    "SentKey",
    "User",
    "UserManager",
    "all_scopes",
    "in_a_week",
    "known_timezone",
]

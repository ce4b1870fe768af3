"""Plans of businesses: how they change, what is used of them, and their limits.

Where each limit is enforced:

- seats: trigger in `accounts/sql/schema/members.sql`
- requests per second: `accounts/plans/limits.py`
- hosted messages: outbound in `hosting/sql/accept.sql`
  and `hosting/sql/schema/usual_sends.sql`, inbound in `hosting/limits/locked_messages.py`
- numbers: trigger in `hosting/sql/schema/numbers_within_plan.sql`
- media, webhooks, exports: `hosting/quota.py`
- days kept: `hosting/privacy/retention.py`
"""

"""The email outbox in the admin: who was written to, what failed, and sending it again; never a
text.
"""

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry, User
from core import outbox
from core.models import Email
from core.tenancy import logins, system
from tests.factories import make_business

pytestmark = pytest.mark.django_db

LIST = "admin:core_email_changelist"


@pytest.fixture
def emails() -> dict[str, Email]:
    """One mail of each state, by state."""
    business = make_business()
    with system("test"):
        for state in Email.State.values:
            outbox.write(
                outbox.Content("test", f"Mail {state}", "Code 123456"),
                key=state,
                recipients=["ann@example.com"],
                business_id=business.pk,
            )
            sent = {"sent_at": "2026-05-01T00:00Z"} if state == "sent" else {}
            dead = {"dead_at": "2026-05-01T00:00Z"} if state == "dead" else {}
            Email.objects.filter(key=state).update(state=state, attempts=3, **sent, **dead)
        return {email.state: email for email in Email.objects.all()}


def operator(client: Client, *rights: str) -> Client:
    user = User.objects.create_user("ops@example.com", is_staff=True)
    wanted = Permission.objects.filter(content_type__app_label="core", codename__in=rights)
    with logins("test"):
        user.user_permissions.set(wanted)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def send_again(client: Client, emails: Any) -> int:
    given = {"action": "rerun", "_selected_action": [one.pk for one in emails], "index": 0}
    return client.post(reverse(LIST), given).status_code


def states() -> dict[str, tuple[str, int]]:
    with system("test"):
        return {
            key: (state, n)
            for key, state, n in Email.objects.values_list("key", "state", "attempts")
        }


def test_failed_mails_are_found_from_the_front_page(client: Client, emails: Any) -> None:
    root = User.objects.create_superuser("root@example.com")
    client.force_login(root, backend="django.contrib.auth.backends.ModelBackend")
    front = client.get(reverse("admin:index"))
    shown = {str(one.title): one for one in front.context["attention"]}
    for title, state in (("E-mails not sent", "dead"), ("E-mails of unknown result", "unknown")):
        item = shown[title]
        assert (item.value, item.is_urgent) == ("1", True)
        page = client.get(item.url).content.decode()
        assert "Email outbox" in page
        assert [subject for subject in sorted(emails) if f"Mail {subject}" in page] == [state]


def test_no_page_shows_a_text(client: Client, emails: Any) -> None:
    operator(client, "view_email", "change_email")
    for email in emails.values():
        page = client.get(reverse("admin:core_email_change", args=[email.pk])).content.decode()
        assert "ann@example.com" in page
        assert "123456" not in page


def test_an_operator_sends_again_what_is_not_under_way(client: Client, emails: Any) -> None:
    operator(client, "view_email", "change_email")
    with system("test"):
        Email.objects.filter(state="sent").update(is_private=True)
    assert send_again(client, emails.values()) == 302
    assert states() == {
        "waiting": ("waiting", 0),
        "sending": ("sending", 3),
        "sent": ("sent", 3),
        "unknown": ("waiting", 0),
        "dead": ("waiting", 0),
    }
    with system("test"):
        named = AuditEntry.objects.filter(action="email.sent_again").values_list(
            "subject", flat=True
        )
        assert sorted(named) == ["Mail dead", "Mail unknown", "Mail waiting"]


def test_who_may_only_look_sends_nothing(client: Client, emails: Any) -> None:
    before = states()
    assert send_again(operator(client, "view_email"), emails.values()) == 200
    assert states() == before
    client.logout()
    assert send_again(client, emails.values()) == 302
    assert states() == before


def test_groups_that_are_shipped_see_the_outbox() -> None:
    rights = {
        group.name: sorted(
            group.permissions.filter(content_type__app_label="core").values_list(
                "codename", flat=True
            )
        )
        for group in Group.objects.all()
    }
    assert rights == {
        "Support": ["view_email"],
        "Finance": ["change_email", "view_email"],
        "Engineering": ["change_email", "view_email", "view_heartbeat"],
    }

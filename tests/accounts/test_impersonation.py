"""Impersonation: recorded, with a banner, read-only, for 30 minutes; opening texts for a reason."""

import time
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import reverse

from accounts.access import membership_of
from accounts.models import AuditEntry, Business, Membership, Plan, User
from accounts.sessions import SessionStore
from core.tenancy import logins, scope, system
from hosting.models import Conversation, HostedCount, LockedMessage, Message
from tests.factories import make_business, make_key, make_member, make_number
from tests.hosting.search.test_engine import say

pytestmark = pytest.mark.django_db
BANNER = b'<aside class="viewing"'


def staff(*groups: str) -> User:
    user = User.objects.create_user(
        f"{'-'.join(groups).lower() or 'staff'}@example.com", is_staff=True
    )
    with logins("test"):
        user.groups.set(Group.objects.filter(name__in=groups))
        assert user.groups.count() == len(groups)
    return user


def logged_in(user: User) -> Client:
    client = Client(REMOTE_ADDR="203.0.113.9")
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def business() -> Business:
    return make_business("Luma Bakery")


@pytest.fixture
def support() -> Client:
    return logged_in(staff("Support"))


def enter(client: Client, business: Business, reason: str = "ticket 7") -> Any:
    return client.post(f"/admin/accounts/business/{business.pk}/enter/", {"reason": reason})


def actions(business: Business) -> list[tuple[str, dict[str, Any], str]]:
    with system("test"):
        return list(
            AuditEntry.objects.filter(business=business)
            .order_by("id")
            .values_list("action", "after", "actor_name")
        )


def test_it_begins_with_a_reason_and_is_in_the_business_s_own_log(
    business: Business, support: Client
) -> None:
    make_number(business)
    assert enter(support, business, "").status_code == 400
    assert support.get("/").status_code == 403
    assert actions(business) == []
    assert enter(support, business).headers["Location"] == "/"
    for path in ("/", "/inbox/", "/usage/", "/team/", "/settings/audit/"):
        page = support.get(path)
        assert (page.status_code, BANNER in page.content) == (200, True), path
    assert b"You see Luma Bakery as its owner does, for 30 more minutes." in page.content
    owners = logged_in(make_member(business)).get("/settings/audit/").content
    assert b"business.viewed" in owners
    assert b"ticket 7" in owners
    assert b"203.0.113.9" in owners
    assert BANNER not in owners


def test_nothing_can_be_changed_not_even_by_reading(business: Business, support: Client) -> None:
    number = make_number(business)
    say(number, "hello")
    with system("test"):
        Conversation.objects.update(unread_count=3)
        thread = Conversation.objects.get()
        agent = make_member(business, "agent")
        pk = Membership.objects.get(user=agent).pk
    enter(support, business)
    before = actions(business)
    for method in ("post", "put", "patch", "delete"):
        answer = getattr(support, method)(f"/team/{pk}/role/", {"role": "owner"})
        assert answer.status_code == 403
    assert b"can change nothing" in answer.content
    assert support.post(f"/inbox/{thread.public_id}/reply/", {"text": "hi"}).status_code == 403
    assert (
        support.post(f"/admin/accounts/business/{business.pk}/change/", {"name": "x"}).status_code
        == 403
    )
    assert b"hello" in support.get(f"/inbox/{thread.public_id}/").content
    with system("test"):
        assert Membership.objects.get(pk=pk).role == "agent"
        assert Conversation.objects.get().unread_count == 3
        assert Message.objects.count() == 1
    assert actions(business) == before


def test_the_button_ends_it(business: Business, support: Client) -> None:
    enter(support, business)
    answer = support.post("/you/viewing/end/")
    assert (answer.status_code, answer.headers["Location"]) == (
        302,
        f"/admin/accounts/business/{business.pk}/change/",
    )
    assert support.get("/").status_code == 403
    assert support.post("/you/viewing/end/").status_code == 404
    assert [(action, after) for action, after, _ in actions(business)] == [
        ("business.viewed", {"reason": "ticket 7", "minutes": 30}),
        ("business.view_ended", {"by": "operator"}),
    ]


def test_half_an_hour_ends_it(
    business: Business, support: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter(support, business)
    began = time.time()
    monkeypatch.setattr("accounts.impersonation.time.time", lambda: began + 29 * 60)
    assert b"for 1 more minutes" in support.get("/").content
    monkeypatch.setattr("accounts.impersonation.time.time", lambda: began + 30 * 60 + 1)
    answer = support.get("/inbox/")
    assert (answer.status_code, answer.headers["Location"]) == (
        302,
        f"/admin/accounts/business/{business.pk}/change/",
    )
    assert support.get("/inbox/").status_code == 403
    assert actions(business)[-1][:2] == ("business.view_ended", {"by": "time"})


def test_who_loses_the_permission_sees_no_more(business: Business) -> None:
    user = staff("Support")
    client = logged_in(user)
    enter(client, business)
    assert client.get("/").status_code == 200
    with logins("test"):
        user.groups.clear()
    assert client.get("/").status_code == 403


def test_live_streams_stay_closed(business: Business) -> None:
    user = staff("Support")
    client, own = logged_in(user), make_business("Own")
    with system("test"):
        Membership.objects.create(business=own, user=user, role="owner")
    session = client.cookies["sessionid"].value
    assert membership_of(SessionStore(session)) is not None
    enter(client, business)
    # Its events are of another business than its pages.
    assert membership_of(SessionStore(session)) is None


def test_nobody_else_may(business: Business) -> None:
    clients = [logged_in(staff(*groups)) for groups in ((), ("Finance",), ("Engineering",))]
    for client in clients:
        assert enter(client, business).status_code in (302, 403)
        assert client.get("/").status_code == 403
    owner = logged_in(make_member(make_business("Other")))
    assert enter(owner, business).headers["Location"].startswith("/admin/login/")
    assert actions(business) == []


def test_a_text_is_opened_with_a_reason(business: Business, support: Client) -> None:
    say(make_number(business), "marzipan for two")
    with scope(business.pk):
        message = Message.objects.get()
    page = reverse("admin:hosting_message_change", args=[message.pk])
    assert b"marzipan" not in support.get(page).content
    address = f"/admin/hosting/message/{message.pk}/open/"
    assert b"marzipan" not in support.get(address).content
    assert support.post(address, {"reason": " "}).status_code == 400
    assert actions(business) == []
    assert b"marzipan for two" in support.post(address, {"reason": "ticket 8"}).content
    assert actions(business) == [("message.opened", {"reason": "ticket 8"}, "support@example.com")]
    for group in ("Finance", "Engineering"):
        assert b"marzipan" not in logged_in(staff(group)).post(address, {"reason": "x"}).content
    assert len(actions(business)) == 1


def test_copies_of_what_was_said_are_not_shown_either(business: Business, support: Client) -> None:
    say(make_number(business), "x")
    with scope(business.pk):
        message = Message.objects.get()
        LockedMessage.objects.create(
            message=message,
            business=business,
            conversation=message.conversation,
            month="2026-05-01",
            position=1,
            keep_until="2026-06-01T00:00:00Z",
            kind="text",
            text="marzipan",
            content={"body": "marzipan"},
        )
    for page in (
        reverse("admin:hosting_lockedmessage_changelist"),
        reverse("admin:hosting_lockedmessage_change", args=[message.pk]),
    ):
        answer = support.get(page)
        assert answer.status_code == 200
        assert b"marzipan" not in answer.content


MAY = {
    # path: (Support, Finance, Engineering)
    "accounts/business/": (200, 200, 200),
    "accounts/apikey/": (200, 403, 200),
    "accounts/user/": (200, 403, 200),
    "accounts/user/add/": (403, 403, 403),
    "accounts/plan/add/": (403, 200, 403),
    "hosting/message/": (200, 403, 200),
    "hosting/event/": (200, 403, 200),
    "hosting/number/": (200, 403, 200),
    "billing/invoice/": (200, 200, 200),
    "billing/charge/": (200, 200, 200),
    "billing/seller/": (403, 200, 200),
    "billing/seller/add/": (403, 200, 403),
    "billing/ratecard/add/": (403, 200, 403),
    "auth/group/": (403, 403, 403),
    "axes/accessattempt/": (403, 403, 200),
}


def test_what_each_group_may_open() -> None:
    clients = [logged_in(staff(group)) for group in ("Support", "Finance", "Engineering")]
    found = {
        path: tuple(client.get(f"/admin/{path}").status_code for client in clients) for path in MAY
    }
    assert found == MAY


def test_no_group_may_delete_or_make_operators() -> None:
    given = set(
        Permission.objects.filter(
            group__name__in=["Support", "Finance", "Engineering"]
        ).values_list("content_type__app_label", "codename")
    )
    assert {code for _, code in given if code.startswith("delete_")} == {"delete_accessattempt"}
    assert {
        code
        for label, code in given
        if label in ("auth", "accounts") and not code.startswith("view_")
    } == {
        "enter_business",
        "open_messages",
        "change_plan",
        "add_plan",
    }


def test_deeds_follow_the_groups(business: Business) -> None:
    make_key(business)
    page = reverse("admin:accounts_business_changelist")
    with system("test"):
        chosen = {"action": "suspend", "_selected_action": [business.pk]}
    for group in ("Support", "Finance", "Engineering"):
        logged_in(staff(group)).post(page, chosen)
        with system("test"):
            assert Business.objects.get(pk=business.pk).may_send(), group


def test_the_front_page_counts_businesses_over_their_plan(
    business: Business, support: Client
) -> None:
    from django.utils import timezone

    month = timezone.now().date().replace(day=1)
    with system("test"):
        free = Plan.objects.get(code="free").hosted_messages
        assert free
        for name, messages in (("a", free), ("b", free + 1)):
            one = make_business(name, plan_id="free")
            HostedCount.objects.create(business=one, month=month, messages=messages)
        HostedCount.objects.create(business=business, month=month, messages=10**9)
    page = support.get("/admin/")
    [item] = [
        item
        for item in page.context["attention"]
        if str(item.title) == "Businesses over their plan"
    ]
    assert (item.value, item.is_urgent) == ("1", True)


def test_every_list_of_the_admin_counts_by_estimate() -> None:
    from django.contrib import admin

    from accounts.admin_site.base import EstimatedPaginator

    counting = [
        model.__name__
        for model, pages in admin.site._registry.items()
        if not issubclass(pages.paginator, EstimatedPaginator) or pages.show_full_result_count
    ]
    assert counting == []

"""The owner's page of the audit log: filtered, paged, downloaded."""

import csv
import io
from typing import Any

import pytest
from django.test import Client

from accounts.audit import history
from accounts.models import AuditEntry, Business, Membership
from core.tenancy import system
from tests.factories import make_business, make_member

pytestmark = pytest.mark.django_db
FROM = "203.0.113.9"


@pytest.fixture
def business() -> Business:
    return make_business("Luma Bakery")


@pytest.fixture
def owner(business: Business) -> Client:
    client = Client(REMOTE_ADDR=FROM)
    client.force_login(make_member(business), backend="django.contrib.auth.backends.ModelBackend")
    return client


def entries(business: Business, count: int, **fields: Any) -> None:
    named = {
        "actor_name": "ada@example.com",
        "action": "key.created",
        "business": business,
        "ip": "198.51.100.7",
        **fields,
    }
    with system("test"):
        AuditEntry.objects.bulk_create(
            AuditEntry(subject=f"thing {n}", **named) for n in range(count)
        )


def subjects(page: bytes) -> list[str]:
    return [line.split("</td>")[0] for line in page.decode().split("</span><br>")[1:]]


def test_a_change_is_shown_with_both_sides_and_its_origin(
    business: Business, owner: Client
) -> None:
    member = make_member(business, "agent")
    with system("test"):
        pk = Membership.objects.get(user=member).pk
    owner.post(f"/team/{pk}/role/", {"role": "finance"})
    page = owner.get("/settings/audit/").content.decode()
    assert '<span class="badge">Member: role changed</span>' in page
    assert "<b>Role</b> <del>agent</del> finance" in page
    assert FROM in page
    assert subjects(page.encode()) == [member.email]


@pytest.mark.parametrize(
    ("usual", "after", "shown"),
    [
        ("USD", {"amount_minor": 1234}, "12.34"),
        ("JPY", {"amount_minor": 1234}, "1234"),
        ("KWD", {"amount_minor": 1234}, "1.234"),
        # The currency of the entry, where it names one.
        ("USD", {"amount_minor": -5, "currency": "JPY"}, "-5"),
        ("JPY", {"amount_micros": 4_500}, "0.0045"),
    ],
)
def test_amounts_have_the_decimals_of_their_currency(
    usual: str, after: dict[str, Any], shown: str
) -> None:
    found = history.changes(AuditEntry(before={}, after=after), usual)
    assert ("Amount", None, shown) in found


def test_filters_narrow_it_and_nonsense_is_ignored(business: Business, owner: Client) -> None:
    entries(
        business, 1, action="key.created", actor_name="ada@example.com", at="2026-05-10T12:00:00Z"
    )
    entries(
        business, 1, action="plan.changed", actor_name="bob@example.com", at="2026-06-10T12:00:00Z"
    )
    shown = {
        "": 2,
        "action=plan.changed": 1,
        "who=ada@example.com": 1,
        "q=BOB": 1,
        "q=thing 0": 2,
        "q=nobody": 0,
        "since=2026-05-11": 1,
        "until=2026-05-10": 1,
        "since=2026-05-10&until=2026-06-10": 2,
        "since=yesterday": 2,
        "since=0001-01-01": 2,
        "until=9999-12-31": 2,
        "before=x": 2,
        "before=²": 2,
        "before=999999999999999999": 2,
    }
    for query, count in shown.items():
        response = owner.get("/settings/audit/?" + query)
        assert (response.status_code, len(subjects(response.content))) == (200, count), query
    assert owner.get("/settings/audit/?q=%00").status_code == 400


def test_pages_start_after_a_row(business: Business, owner: Client) -> None:
    entries(business, 120)
    seen: list[str] = []
    address = "/settings/audit/"
    for size in (50, 50, 20):
        page = owner.get(address).content
        found = subjects(page)
        assert len(found) == size
        seen += found
        if size == 50:
            address = "/settings/audit/?before=" + page.decode().split("before=")[1].split('"')[0]
    assert b">Older<" not in page
    assert seen == [f"thing {n}" for n in reversed(range(120))]


def test_the_download_holds_all_that_matches_and_runs_nothing(
    business: Business, owner: Client
) -> None:
    entries(business, 1100, after={"name": "x"})
    entries(business, 1, actor_name="=HYPERLINK(1)", action="plan.changed")
    response = owner.get("/settings/audit/?csv=1")
    assert response["Content-Disposition"] == 'attachment; filename="audit.csv"'
    rows = list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))
    assert len(rows) == 1101
    assert rows[0]["who"] == "'=HYPERLINK(1)"
    assert (rows[1]["from"], rows[1]["after"], rows[1]["subject"]) == (
        "198.51.100.7",
        '{"name":"x"}',
        "thing 1099",
    )
    only = owner.get("/settings/audit/?csv=1&action=plan.changed").content.decode()
    assert only.count("\r\n") == 2


def test_others_entries_and_others_eyes(business: Business, owner: Client) -> None:
    entries(make_business("Other"), 3)
    entries(business, 1)
    assert len(subjects(owner.get("/settings/audit/").content)) == 1
    for role in ("agent", "finance", "viewer"):
        client = Client()
        client.force_login(
            make_member(business, role), backend="django.contrib.auth.backends.ModelBackend"
        )
        assert client.get("/settings/audit/").status_code == 403
        assert client.get("/settings/audit/?csv=1").status_code == 403


def test_an_empty_log_says_what_will_be_there(owner: Client) -> None:
    page = owner.get("/settings/audit/").content
    assert b"No changes yet" in page
    assert b'href="/team/"' in page
    assert b"Nothing matches these filters" in owner.get("/settings/audit/?q=x").content

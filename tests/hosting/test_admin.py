"""What operators do for the network: letting what gave up try again, and deciding about templates;
with permission only.
"""

from typing import Any

import orjson
import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry, User
from core.tenancy import logins, system
from hosting.models import (
    Event,
    MediaFetch,
    Message,
    Number,
    Outgoing,
    Template,
    Webhook,
    WebhookCall,
)
from tests.factories import make_business, make_number, make_template
from tests.hosting.messages.test_endpoints import NOON, caller, post, write
from tests.hosting.upstreams import make_media_fetch

pytestmark = pytest.mark.django_db
QUEUES = ("event", "outgoing", "mediafetch", "webhookcall")


@pytest.fixture
def number() -> Number:
    return make_number(make_business(clock_at=NOON))


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("ops@example.com"))
    return client


def trainee(client: Client, *rights: str) -> Client:
    """An operator with these rights only."""
    user = User.objects.create_user("trainee@example.com", is_staff=True)
    with logins("test"):
        user.user_permissions.set(
            Permission.objects.filter(content_type__app_label="hosting", codename__in=rights)
        )
    client.force_login(user)
    return client


def dead_rows(number: Number) -> dict[str, Any]:
    """One row that gave up in each queue, by the name of its model."""
    write(number)
    wamid = orjson.loads(post(caller(number), number).content)["messages"][0]["id"]
    with system("test"):
        webhook = Webhook.objects.create(
            business=number.business, account=number.account, url="https://a.example/"
        )
        call = WebhookCall.objects.create(
            business=number.business, webhook=webhook, field="messages", body=b"{}"
        )
        WebhookCall.objects.update(state="dead", dead_at=Now(), tries=20)
        event = Event.objects.create(
            digest=b"d" * 32, body=b"{}", dead_at=Now(), attempts=5, last_error="broke"
        )
        Outgoing.objects.update(state="dead", dead_at=Now(), attempts=8)
        fetch = make_media_fetch(number)
        MediaFetch.objects.update(dead_at=Now(), attempts=10)
        return {
            "event": event,
            "outgoing": Outgoing.objects.get(message__wamid=wamid),
            "mediafetch": fetch,
            "webhookcall": call,
        }


def choose(client: Client, name: str, action: str, *rows: Any) -> Any:
    url = reverse(f"admin:hosting_{name}_changelist")
    return client.post(url, {"action": action, "_selected_action": [row.pk for row in rows]})


def is_open(name: str, row: Any) -> bool:
    with system("test"):
        row.refresh_from_db()
    return row.dead_at is None and getattr(row, "tries", row.attempts) == 0


@pytest.mark.parametrize("name", QUEUES)
def test_what_gave_up_is_listed_and_runs_again(number: Number, operator: Client, name: str) -> None:
    row = dead_rows(number)[name]
    front = operator.get(reverse("admin:index")).content.decode()
    listed = operator.get(reverse(f"admin:hosting_{name}_changelist") + "?queue=dead")
    assert [found.pk for found in listed.context["cl"].result_list] == [row.pk]
    assert "Files not fetched" in front
    assert not is_open(name, row)
    assert choose(operator, name, "rerun", row).status_code == 302
    assert is_open(name, row)
    # Again: there is nothing left to run, and the log says so.
    assert choose(operator, name, "rerun", row).status_code == 302
    with system("test"):
        entries = list(AuditEntry.objects.filter(action=f"{name}.rerun").order_by("id"))
    assert [entry.subject.split()[0] for entry in entries] == ["1", "0"]


@pytest.mark.parametrize("name", QUEUES)
def test_view_permission_does_not_allow_a_rerun(number: Number, client: Client, name: str) -> None:
    row = dead_rows(number)[name]
    viewer = trainee(client, f"view_{name}")
    page = viewer.get(reverse(f"admin:hosting_{name}_changelist"))
    assert (page.status_code, b'value="rerun"' in page.content) == (200, False)
    choose(viewer, name, "rerun", row)
    assert not is_open(name, row)
    with system("test"):
        assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("name", QUEUES)
def test_no_list_counts_its_table(number: Number, operator: Client, name: str) -> None:
    dead_rows(number)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        operator.get(reverse(f"admin:hosting_{name}_changelist"))
    counts = [one["sql"] for one in asked.captured_queries if "COUNT(" in one["sql"].upper()]
    assert counts
    assert all("LIMIT 10001" in sql for sql in counts)


def test_a_lost_answer_is_settled_by_a_person(number: Number, operator: Client) -> None:
    row = dead_rows(number)["outgoing"]
    with system("test"):
        Outgoing.objects.update(state="unknown")
    choose(operator, "outgoing", "rerun", row)
    with system("test"):
        assert Outgoing.objects.get().state == "unknown"
    choose(operator, "outgoing", "never_left", row)
    with system("test"):
        assert Outgoing.objects.get().state == "open"
        Outgoing.objects.update(state="unknown")
    choose(operator, "outgoing", "give_up", row)
    from hosting.inbound import events

    events.apply_due()
    with system("test"):
        assert not Outgoing.objects.exists()
        assert Message.objects.get(pk=row.pk).status == "failed"
        said = list(AuditEntry.objects.order_by("id").values_list("action", "subject"))
    assert said == [
        ("outgoing.rerun", "0 of 1 outgoing"),
        ("outgoing.never_left", "1 of 1 outgoing"),
        ("outgoing.given_up", "1 of 1 outgoing"),
    ]


# --- templates


def decide(client: Client, template: Template, deed: str, **data: Any) -> Any:
    return client.post(reverse(f"admin:hosting_template_{deed}", args=[template.pk]), data)


def standing(template: Template) -> tuple[str, str, str]:
    with system("test"):
        template.refresh_from_db()
    return template.status, template.quality, template.rejected_reason


def test_a_template_is_rejected_approved_paused_rated_and_disabled(
    number: Number, operator: Client
) -> None:
    with system("test"):
        Webhook.objects.create(
            business=number.business, account=number.account, url="https://a.example/"
        )
    template = make_template(number, status="PENDING")
    page = operator.get(
        reverse("admin:hosting_template_reject", args=[template.pk])
    ).content.decode()
    assert "TAG_CONTENT_MISMATCH" in page
    assert template.body in page
    steps: list[tuple[str, dict[str, Any], tuple[str, str, str]]] = [
        ("reject", {"code": "SCAM", "reason": "a fake bank"}, ("REJECTED", "UNKNOWN", "SCAM")),
        ("approve", {"reason": "was mistaken"}, ("APPROVED", "UNKNOWN", "NONE")),
        ("reject", {"code": "OTHER", "reason": "No thanks"}, ("REJECTED", "UNKNOWN", "No thanks")),
        ("approve", {"reason": "well"}, ("APPROVED", "UNKNOWN", "NONE")),
        ("pause", {"hours": 5, "reason": "complaints"}, ("PAUSED", "UNKNOWN", "NONE")),
        ("rate", {"quality": "RED", "reason": "complaints"}, ("PAUSED", "RED", "NONE")),
        ("disable", {"reason": "enough"}, ("DISABLED", "RED", "NONE")),
    ]
    for deed, data, expected in steps:
        assert decide(operator, template, deed, **data).status_code == 302, deed
        assert standing(template) == expected
    with system("test"):
        entries = list(AuditEntry.objects.order_by("id"))
        reported = [
            orjson.loads(bytes(call.body))["entry"][0]["changes"][0]["value"]
            for call in WebhookCall.objects.order_by("id")
        ]
    assert [entry.action.split(".")[1] for entry in entries] == [
        "rejected",
        "approved",
        "rejected",
        "approved",
        "paused",
        "rated",
        "disabled",
    ]
    assert (entries[0].before["status"], entries[0].after["reason"]) == ("PENDING", "a fake bank")
    assert [value.get("event", value.get("new_quality_score")) for value in reported] == [
        "REJECTED",
        "APPROVED",
        "REJECTED",
        "APPROVED",
        "PAUSED",
        "RED",
        "DISABLED",
    ]


def test_a_decision_without_a_reason_or_out_of_its_order_changes_nothing(
    number: Number, operator: Client
) -> None:
    template = make_template(number, status="PENDING")
    for deed, data in (
        ("approve", {"reason": " "}),
        ("pause", {"reason": "x"}),
        ("reject", {"code": "NONSENSE", "reason": "x"}),
        ("rate", {"quality": "BLUE", "reason": "x"}),
        ("pause", {"reason": "x", "hours": 0}),
        ("approve", {"reason": "x" * 201}),
    ):
        assert decide(operator, template, deed, **data).status_code == 400, deed
    assert b"cannot become PAUSED" in decide(operator, template, "pause", reason="x").content
    assert standing(template) == ("PENDING", "UNKNOWN", "NONE")
    with system("test"):
        assert not AuditEntry.objects.exists()
        assert not WebhookCall.objects.exists()


def test_review_needs_the_right_to_change_and_the_form_moves_no_state(
    number: Number, client: Client
) -> None:
    template = make_template(number, status="PENDING")
    viewer = trainee(client, "view_template")
    assert (
        viewer.get(reverse("admin:hosting_template_change", args=[template.pk])).status_code == 200
    )
    for deed in ("approve", "reject", "pause", "disable", "rate"):
        assert decide(viewer, template, deed, reason="x").status_code == 403
    assert standing(template)[0] == "PENDING"
    viewer.logout()
    viewer.force_login(User.objects.create_superuser("ops@example.com"))
    url = reverse("admin:hosting_template_change", args=[template.pk])
    page = viewer.get(url).content.decode()
    assert all(
        f'name="{name}"' not in page for name in ("status", "quality", "rejected_reason", "pauses")
    )
    assert timezone.now() > template.created_at

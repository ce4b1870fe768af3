"""The admin: all lists and pages open without secrets, the ledger is read-only, actions work."""

import re
from typing import Any, cast

import pytest
from django.apps import apps
from django.contrib import admin
from django.core.exceptions import FieldDoesNotExist
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.admin_site.base import ReadOnlyAdmin, hidden_of
from accounts.models import ApiKey, AuditEntry, Business, Plan, User
from billing.metering import meter
from billing.models import Charge, Invoice, InvoiceLine, Period, Quarantine, Tally, Usage
from core import outbox
from core.money import micro_amount
from core.tenancy import system
from hosting.inbound.events import store_event
from hosting.messages.send import send_message
from hosting.models import Account, Delivery, Event, Message, Outgoing
from tests.factories import (
    make_business,
    make_deliveries,
    make_key,
    make_member,
    make_number,
    make_template,
)

pytestmark = pytest.mark.django_db
OURS = [
    model
    for label in ("core", "accounts", "hosting", "billing", "shops")
    for model in apps.get_app_config(label).get_models()
]
SECRET = "do-not-show-me-7321"


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("ops@example.com"))
    return client


@pytest.fixture
def stage() -> dict[str, Any]:
    """A business with numbers, keys, messages, charges, a dead event and a dead letter."""
    business = make_business()
    number = make_number(business)
    make_member(business)
    make_template(number)
    key = make_key(business)
    with system("test"):
        Account.objects.update(app_secret=SECRET, verify_token=SECRET)
    make_deliveries(business, number, 3)
    meter.meter_due()
    make_deliveries(business, number, 2)
    with system("test"):
        store_event(body=SECRET.encode(), account_id=None)
        Event.objects.update(dead_at=Now(), attempts=5, last_error="boom")
        template = {
            "name": "order_update",
            "language": {"code": "en_US"},
            "components": [{"type": "body", "parameters": [{"type": "text", "text": SECRET}]}],
        }
        message = send_message(
            business=business, number=number, to="4915112345678", kind="template", content=template
        )
        Outgoing.objects.update(state="dead", dead_at=Now(), attempts=5)
        outbox.write(
            outbox.Content("test", "Your code", SECRET, f"<b>{SECRET}</b>"),
            key="1",
            recipients=["ann@example.com"],
            business_id=business.pk,
        )
    return {"business": business, "number": number, "key": key, "message": message}


def _row_of(model: Any) -> Any:
    with system("test"):
        return model._default_manager.first()


def test_every_model_has_a_list_and_a_page_without_secrets(operator: Client, stage: Any) -> None:
    for model in OURS:
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        address = reverse(f"admin:{name}_changelist")
        if admin.site._registry[model].search_fields:
            assert operator.get(address, {"q": "1"}).status_code == 200, name
        with CaptureQueriesContext(connection) as asked:
            listed = operator.get(address)
        assert listed.status_code == 200, name
        # Lists of millions of rows are counted by estimate.
        whole = f'SELECT COUNT(*) AS "__count" FROM "{model._meta.db_table}"'
        assert whole not in [query["sql"].strip() for query in asked], name
        page = listed.content.decode()
        row = _row_of(model)
        if row is not None:
            shown = operator.get(reverse(f"admin:{name}_change", args=[row.pk]))
            assert shown.status_code == 200, name
            page += shown.content.decode()
        assert SECRET not in page, name
        assert stage["key"] not in page, name
        for column in hidden_of(model, cast(Any, admin.site._registry[model]).hidden):
            assert f'name="{column}"' not in page, name


def test_pages_to_add_open_or_are_refused(operator: Client) -> None:
    for model, pages in admin.site._registry.items():
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        expected = 403 if isinstance(pages, ReadOnlyAdmin) else 200
        assert operator.get(reverse(f"admin:{name}_add")).status_code == expected, name


FACTS = [Charge, Tally, Usage, Period, Invoice, InvoiceLine, Delivery, Event, AuditEntry, Message]


def test_the_ledger_and_the_facts_cannot_be_changed(operator: Client, stage: Any) -> None:
    for model in FACTS:
        row = _row_of(model)
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        assert operator.post(reverse(f"{name}_add"), {}).status_code == 403, name
        if row is not None:
            assert operator.post(reverse(f"{name}_change", args=[row.pk]), {}).status_code == 403, (
                name
            )
            assert (
                operator.post(reverse(f"{name}_delete", args=[row.pk]), {"post": "yes"}).status_code
                == 403
            ), name
            assert _act(operator, model, "delete_selected", [row.pk], post="yes") == 200, name
            with system("test"):
                assert model._default_manager.filter(pk=row.pk).exists(), name


def _act(client: Client, model: Any, action: str, ids: list[int], **extra: str) -> int:
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    data = {"action": action, "_selected_action": ids, "index": 0, **extra}
    response = client.post(url, data, follow=True)
    return response.status_code


def test_a_dead_event_and_a_dead_letter_run_again(operator: Client, stage: Any) -> None:
    event, letter = _row_of(Event), _row_of(Outgoing)
    assert _act(operator, Event, "rerun", [event.pk]) == 200
    assert _act(operator, Outgoing, "rerun", [letter.pk]) == 200
    with system("test"):
        event.refresh_from_db()
        letter.refresh_from_db()
        assert (event.dead_at, event.attempts, event.last_error) == (None, 0, "")
        assert (letter.state, letter.attempts) == ("open", 0)
        assert list(
            AuditEntry.objects.order_by("id").values_list("action", "actor_name", "ip")
        ) == [
            ("event.rerun", "ops@example.com", "127.0.0.1"),
            ("outgoing.rerun", "ops@example.com", "127.0.0.1"),
        ]


def test_a_letter_whose_result_is_unknown_is_not_sent_twice(operator: Client, stage: Any) -> None:
    letter = _row_of(Outgoing)
    with system("test"):
        Outgoing.objects.update(state="unknown")
    _act(operator, Outgoing, "rerun", [letter.pk])
    assert _row_of(Outgoing).state == "unknown"


def test_quarantine_is_metered_again_by_an_action(operator: Client, stage: Any) -> None:
    with system("test"):
        delivery = Delivery.objects.order_by("id").last()
        assert delivery is not None
        columns = (
            "message_id",
            "business_id",
            "number_id",
            "recipient",
            "category",
            "window_open",
            "free_entry",
            "delivered_at",
        )
        row = Quarantine.objects.create(
            reason="no_card", **{name: getattr(delivery, name) for name in columns}
        )
        delivery.delete()
    assert _act(operator, Quarantine, "requeue", [row.pk]) == 200
    with system("test"):
        assert not Quarantine.objects.exists()
        assert Delivery.objects.filter(message_id=row.message_id).count() == 1


def test_a_key_is_revoked_and_the_audit_log_says_by_whom(operator: Client, stage: Any) -> None:
    key = _row_of(ApiKey)
    assert (
        operator.get("/api/v1/", headers={"Authorization": f"Bearer {stage['key']}"}).status_code
        == 200
    )
    assert _act(operator, ApiKey, "revoke", [key.pk]) == 200
    assert (
        operator.get("/api/v1/", headers={"Authorization": f"Bearer {stage['key']}"}).status_code
        == 401
    )
    with system("test"):
        entry = AuditEntry.objects.get()
        assert (entry.action, entry.actor_name, entry.business_id) == (
            "key.revoked",
            "ops@example.com",
            stage["business"].pk,
        )


def test_businesses_are_suspended_and_resumed(operator: Client, stage: Any) -> None:
    business = stage["business"]
    _act(operator, Business, "suspend", [business.pk])
    assert not _row_of(Business).may_send()
    front = operator.get(reverse("admin:index")).content.decode()
    assert "Businesses suspended" in front
    _act(operator, Business, "resume", [business.pk])
    assert _row_of(Business).may_send()
    with system("test"):
        assert list(AuditEntry.objects.order_by("id").values_list("action", flat=True)) == [
            "business.suspended",
            "business.resumed",
        ]


def test_editing_a_plan_is_recorded_before_and_after(operator: Client) -> None:
    data = {
        "name": "Team",
        "hosted_messages": 300000,
        "days_kept": 730,
        "max_numbers": 5,
        "max_seats": 15,
        "requests_per_second": 80,
        "monthly_fee_micros": "49.00",
        "currency": "USD",
        "is_public": "on",
    }
    with system("test"):
        before = Plan.objects.get(pk="team").hosted_messages
    extra = {field: value for field, value in _initial(Plan, "team").items() if field not in data}
    response = operator.post(reverse("admin:accounts_plan_change", args=["team"]), extra | data)
    assert response.status_code == 302, response.context["errors"]
    with system("test"):
        assert Plan.objects.get(pk="team").hosted_messages == 300000
        entry = AuditEntry.objects.get()
        assert (entry.action, entry.subject) == ("plan.changed", "Team")
        assert (entry.before, entry.after) == (
            {"hosted_messages": before},
            {"hosted_messages": 300000},
        )


def test_a_plan_that_businesses_are_on_is_changed_after_it_was_said_how_many(
    operator: Client,
) -> None:
    big, small = make_business("Big", plan_id="team"), make_business("Small", plan_id="team")
    make_business("Elsewhere")
    for _ in range(3):
        make_number(big)
    make_number(small)
    for _ in range(2):
        make_member(small)
    url = reverse("admin:accounts_plan_change", args=["team"])
    with system("test"):
        data = _initial(Plan, "team") | {"max_numbers": 2, "max_seats": 2, "is_public": "on"}
        was = Plan.objects.get(pk="team").max_numbers
    asked = operator.post(url, data)
    assert asked.status_code == 200
    said = " ".join(re.sub(r"<[^>]+>", " ", asked.content.decode()).split())
    assert "2 businesses are on this plan, and the change holds for them at once." in said
    assert f"Numbers {was} 2" in said
    assert "Over the new limit Limit After Businesses over it Numbers 2 1 " in said, (
        "two seats are not over two"
    )
    with system("test"):
        assert (Plan.objects.get(pk="team").max_numbers, AuditEntry.objects.count()) == (was, 0)
    sent = dict(
        re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', asked.content.decode())
    )
    assert operator.post(url, sent).status_code == 302
    with system("test"):
        plan = Plan.objects.get(pk="team")
        assert (plan.max_numbers, plan.max_seats, plan.is_public) == (2, 2, True)
        assert AuditEntry.objects.get().after == {"max_numbers": 2, "max_seats": 2}


def _initial(model: Any, pk: Any) -> dict[str, Any]:
    row = model.objects.get(pk=pk)
    values = {}
    for field in model._meta.fields:
        try:
            value = getattr(row, field.name)
        except FieldDoesNotExist:
            continue
        if value is not None and field.editable:
            is_amount = field.name.endswith("_micros")
            values[field.name] = micro_amount(value) if is_amount else value
    return values

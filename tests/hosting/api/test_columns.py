"""Lists that are read as columns answer with the same bytes as their serializers."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.translation import gettext_lazy
from rest_framework.renderers import JSONRenderer

from accounts.api import ColumnsAPIView
from core.json_renderer import OrjsonRenderer
from core.tenancy import system
from hosting.api.v1 import contacts, conversations, messages
from hosting.models import Contact, Conversation, Message, Number
from tests.factories import make_business, make_deliveries, make_key, make_number, make_template
from tests.hosting.search.test_engine import say

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 5, 10, 12, tzinfo=UTC)


@pytest.fixture
def number() -> Number:
    """Messages of every shape: with and without template, errors, times and odd characters."""
    number = make_number(make_business())
    template = make_template(number)
    make_deliveries(number.business, number, 3)
    say(number, 'Grüße 🥐 \u2028 </script> \\ "', to="14155550101")
    say(number, "second", to="14155550102")
    with system("test"):
        first, second, *_ = Message.objects.order_by("id")
        Message.objects.filter(pk=first.pk).update(
            template=template,
            errors=[{"code": 131047, "title": "Re-engagement"}],
            failed_at=NOON + timedelta(microseconds=120),
            content={"deep": [1, 1.5, None, True, {"ü": "\u2029"}]},
        )
        Message.objects.filter(pk=second.pk).update(content={"large": 10**30})
        Contact.objects.filter(wa_id="14155550102").update(name="Zoë", alias="", held_at=NOON)
        Conversation.objects.filter(contact__wa_id="14155550101").update(last_inbound_at=NOON)
        Conversation.objects.filter(contact__wa_id="14155550102").update(last_inbound_at=None)
    return number


def by_serializer(view: type[Any], rows: Any) -> bytes:
    """What DRF makes of model objects, in the order of the view's list."""
    with system("test"):
        found = view.serializer_class(rows.order_by(*view.ordering), many=True).data
        return JSONRenderer().render({"data": found, "next": None})


def test_they_are_the_same_bytes(client: Client, number: Number) -> None:
    headers = {"authorization": f"Bearer {make_key(number.business)}"}
    with system("test"):
        thread = Conversation.objects.get(contact__wa_id="14155550101")
    for view, address, rows in (
        (messages.Messages, "/api/v1/messages/", Message.objects.all()),
        (conversations.Conversations, "/api/v1/conversations/", Conversation.objects.all()),
        (contacts.Contacts, "/api/v1/contacts/", Contact.objects.all()),
        (
            conversations.ConversationMessages,
            f"/api/v1/conversations/{thread.public_id}/messages/",
            Message.objects.filter(conversation=thread),
        ),
    ):
        assert issubclass(view, ColumnsAPIView)
        answer = client.get(address, {"limit": 100}, headers=headers)
        assert answer.headers["content-type"] == "application/json"
        assert answer.content == by_serializer(view, rows), view
        assert len(answer.json()["data"]) >= 1


def test_pages_go_on_where_the_last_one_ended(client: Client, number: Number) -> None:
    headers = {"authorization": f"Bearer {make_key(number.business)}"}
    seen: list[int] = []
    after = ""
    while True:
        page = client.get(
            reverse("api_messages"),
            {"limit": 2} | ({"after": after} if after else {}),
            headers=headers,
        ).json()
        seen += [row["id"] for row in page["data"]]
        if not (after := page["next"]):
            break
    with system("test"):
        assert seen == list(
            Message.objects.order_by("-created_at", "-id").values_list("id", flat=True)
        )


def test_a_page_of_messages_is_one_query_without_encrypted_columns(
    client: Client, number: Number
) -> None:
    headers = {"authorization": f"Bearer {make_key(number.business)}"}
    with CaptureQueriesContext(connection) as asked:
        client.get(reverse("api_messages"), headers=headers)
    [page] = [q["sql"] for q in asked if 'FROM "hosting_message"' in q["sql"]]
    assert "app_secret" not in page
    assert "two_step" not in page
    # Transaction, key, plan, scope, the page, and the end of the transaction.
    assert len(asked) == 6, [q["sql"][:80] for q in asked]


@pytest.mark.parametrize(
    "data",
    [
        {"a": Decimal("1.50"), "b": gettext_lazy("Open"), "c": (1, 2), "d": {3: "x"}},
        {"big": 2**70, "nested": [{"x": None}]},
        ["\u2028\u2029", "</script>", "é", "\x7f"],
        {},
        None,
    ],
)
def test_the_renderer_writes_what_drf_writes(data: Any) -> None:
    assert OrjsonRenderer().render(data) == JSONRenderer().render(data)


def test_an_indent_that_is_asked_for_is_given() -> None:
    asked = "application/json; indent=2"
    assert OrjsonRenderer().render({"a": 1}, asked) == b'{\n  "a": 1\n}'

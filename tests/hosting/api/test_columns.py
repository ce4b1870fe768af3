"""Lists that are read as columns answer with the same bytes as their serializers."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
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


@pytest.mark.parametrize("large", [10**15, 10**30])
def test_they_are_the_same_bytes(client: Client, number: Number, large: int) -> None:
    headers = {"authorization": f"Bearer {make_key(number.business)}"}
    with system("test"):
        Message.objects.filter(content__has_key="large").update(content={"large": large})
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
        # The second is answered by the view, the first too where a number is beyond 64 bits.
        for asked in ({"limit": "100"}, {"limit": "100", "format": "json"}):
            answer = client.get(address, asked, headers=headers)
            assert answer.headers["content-type"] == "application/json"
            assert answer.content == by_serializer(view, rows), view
            assert len(answer.json()["data"]) >= 1


@pytest.mark.parametrize("name", ["api_messages", "api_conversations"])
def test_pages_go_on_where_the_last_one_ended(client: Client, number: Number, name: str) -> None:
    headers = {"authorization": f"Bearer {make_key(number.business)}"}
    seen: dict[str, list[bytes]] = {}
    for also in ("", "&format=json"):
        after, pages = "", seen.setdefault(also, [])
        while not pages or after:
            page = client.get(
                f"{reverse(name)}?limit=2{also}{f'&after={after}' if after else ''}",
                headers=headers,
            )
            pages.append(page.content)
            after = page.json()["next"]
    assert seen[""] == seen["&format=json"]
    with system("test"):
        rows = (
            Message.objects.order_by("-created_at", "-id").values_list("id", flat=True)
            if name == "api_messages"
            else Conversation.objects.order_by("-last_message_at", "-id").values_list(
                "public_id", flat=True
            )
        )
        ids = [row["id"] for page in seen[""] for row in orjson.loads(page)["data"]]
        assert ids == [one if isinstance(one, int) else str(one) for one in rows]


def test_a_page_of_messages_is_one_query_without_encrypted_columns(
    client: Client, number: Number
) -> None:
    headers = {"authorization": f"Bearer {make_key(number.business)}"}
    with CaptureQueriesContext(connection) as asked:
        client.get(reverse("api_messages"), {"status": "read"}, headers=headers)
    [page] = [q["sql"] for q in asked if 'FROM "hosting_message"' in q["sql"]]
    assert "app_secret" not in page
    assert "two_step" not in page
    # Transaction, key, plan, scope, the page, and the end of the transaction.
    assert len(asked) == 6, [q["sql"][:80] for q in asked]


@pytest.mark.parametrize(
    ("scopes", "query", "key_of", "status"),
    [
        (["messages"], {}, "own", 403),
        (["read"], {"limit": "0"}, "own", 400),
        (["read"], {"limit": "101"}, "own", 400),
        (["read"], {"after": "x"}, "own", 400),
        (["read"], {"colour": "red"}, "own", 400),
        (["read"], {}, "nobody", 401),
        (["read"], {}, "stranger", 404),
    ],
)
def test_what_is_refused_is_refused_by_the_view(
    client: Client,
    number: Number,
    scopes: list[str],
    query: dict[str, str],
    key_of: str,
    status: int,
) -> None:
    with system("test"):
        thread = Conversation.objects.filter(business=number.business).first()
    assert thread is not None
    holder = make_business() if key_of == "stranger" else number.business
    key = make_key(holder, scopes=scopes) if key_of != "nobody" else f"parley_00000000_{'x' * 43}"
    answer = client.get(
        f"/api/v1/conversations/{thread.public_id}/messages/",
        query,
        headers={"authorization": f"Bearer {key}"},
    )
    assert answer.status_code == status
    assert set(answer.json()) == {"error"}


def test_a_key_of_some_numbers_reads_those_only(client: Client, number: Number) -> None:
    other = make_number(number.business)
    make_deliveries(number.business, other, 1)
    key = make_key(number.business, number_ids=[other.pk])
    page = client.get(reverse("api_messages"), headers={"authorization": f"Bearer {key}"}).json()
    assert [row["number"] for row in page["data"]] == [other.phone_number_id]


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

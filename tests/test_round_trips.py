"""How often the busiest requests ask the database: each round trip costs like a small query."""

from django.test import Client
from django.urls import reverse

from core.tenancy import system
from hosting.models import Conversation
from tests.factories import make_business, make_deliveries, make_key, make_number
from tests.round_trips import round_trips


def test_lists_of_the_api_ask_once(client: Client, committed_db: None) -> None:
    number = make_number(make_business())
    make_deliveries(number.business, number, 3)
    headers = {"authorization": f"Bearer {make_key(number.business)}"}
    with system("test"):
        thread = Conversation.objects.get(number=number).public_id
    for address in (
        reverse("api_messages"),
        reverse("api_conversations"),
        reverse("api_conversation_messages", args=[thread]),
    ):
        client.get(address, headers=headers)
        with round_trips() as asked:
            page = client.get(address, headers=headers)
        assert page.json()["data"]
        assert asked == [1], address

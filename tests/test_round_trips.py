"""How often the busiest requests ask the database: each round trip costs like a small query."""

from django.test import Client
from django.urls import reverse

from core.tenancy import system
from hosting.models import Conversation, Message
from tests.factories import make_business, make_deliveries, make_key, make_number, make_template
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


def test_a_usual_send_asks_twice(client: Client, committed_db: None) -> None:
    number = make_number(make_business())
    make_template(number, name="hello", components=[{"type": "BODY", "text": "Hello"}])
    headers = {"authorization": f"Bearer {make_key(number.business)}"}
    template = {"name": "hello", "language": {"code": "en_US"}}
    body = {"messaging_product": "whatsapp", "type": "template", "template": template}
    counted = []
    # To a new customer and again: the first of each prepares statements.
    for to in ("14155550100", "14155550100", "14155550101", "14155550101"):
        with round_trips() as asked:
            answer = client.post(
                f"/v21.0/{number.phone_number_id}/messages",
                body | {"to": to},
                content_type="application/json",
                headers=headers,
            )
        assert answer.status_code == 200, answer.content
        counted += asked
    assert counted == [4, 3, 2, 2]
    with system("test"):
        assert Message.objects.count() == 4
        assert Conversation.objects.count() == 2

"""The search page and the jump from a hit into its thread."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import Business
from core.tenancy import system
from hosting.models import Conversation, Message, Number
from tests.factories import make_business, make_client, make_number
from tests.hosting.search.test_engine import START, say

pytestmark = pytest.mark.django_db


@pytest.fixture
def number() -> Number:
    return make_number(make_business())


def reader(business: Business, role: str = "agent") -> Client:
    return make_client(business, role)


def thread_of(message: Message) -> str:
    with system("test"):
        return str(Conversation.objects.get(pk=message.conversation_id).public_id)


def test_hits_are_marked_and_lead_into_the_thread(number: Number) -> None:
    message = say(number, "nothing", "the <b>apple</b> pie & cream")[1]
    page = reader(number.business).get("/search/?q=apple").content.decode()
    assert "the &lt;b&gt;<mark>apple</mark>&lt;/b&gt; pie &amp; cream" in page
    assert f"/inbox/{thread_of(message)}/?at={message.pk}&amp;mark=apple#m{message.pk}" in page
    assert page.count('class="hit"') == 1


def test_a_viewer_is_led_to_the_message_alone(number: Number) -> None:
    (message,) = say(number, "apple pie")
    page = reader(number.business, "viewer").get("/search/?q=apple").content.decode()
    assert f'href="/messages/{message.pk}/"' in page
    assert "/inbox/" not in page.split('class="hit"')[1].split("</a>")[0]


def test_filters_stand_in_the_address_and_wrong_ones_are_named(number: Number) -> None:
    say(number, "apple pie", to="491511111111")
    say(number, "apple tart", to="491512222222", at=START + timedelta(days=3))
    client = reader(number.business)
    for query, texts in [
        ("q=apple&contact=491511111111", ["pie"]),
        ("q=apple&since=2026-05-03", ["tart"]),
        ("q=apple&until=2026-05-01", ["pie"]),
        ("q=apple&direction=out", []),
        ("kind=text", ["pie", "tart"]),
    ]:
        page = client.get(f"/search/?{query}").content.decode()
        hits = page.split("hits", 1)[-1]
        assert [word for word in ("pie", "tart") if re.search(rf"\b{word}\b", hits)] == texts, query
    for query, field in [
        ("since=yesterday", "since"),
        ("contact=999", "contact"),
        ("direction=up", "direction"),
    ]:
        page = client.get(f"/search/?q=apple&{query}").content.decode()
        assert f"{field} " in page.split('class="notice warn"')[1]


def test_the_next_page_comes_alone_and_without_doubles(number: Number) -> None:
    say(number, *(f"apple {n:02}" for n in range(30)))
    client = reader(number.business)
    first = client.get("/search/?q=apple")
    cursor = first.context["answer"].next
    rest = client.get(
        "/search/", {"q": "apple", "after": cursor}, headers={"HX-Request": "true"}
    ).content.decode()
    assert first.content.decode().count('class="hit"') == 25
    assert rest.count('class="hit"') == 5
    assert "<html" not in rest
    assert "apple</mark> 04" in rest
    assert client.get("/search/?q=apple&after=nonsense").content.decode().count('class="hit"') == 25


def test_customers_are_found_by_name_and_number(number: Number) -> None:
    say(number, "hello", to="491511111111")
    with system("test"):
        number.business.contacts.update(name="Ann Müller")
    client = reader(number.business)
    for words in ("müller", "+49 1511", "ann mül"):
        assert "contact=491511111111" in client.get("/search/", {"q": words}).content.decode()


def test_a_page_without_a_wish_says_what_will_appear(number: Number) -> None:
    page = reader(number.business).get("/search/").content.decode()
    assert "Find anything that was said" in page
    assert (
        "Nothing was said like that"
        in reader(number.business).get("/search/?q=absent").content.decode()
    )


def test_a_jump_shows_the_hit_with_messages_around_it_and_both_ways_on(number: Number) -> None:
    messages = say(number, *(f"message {n:03}" for n in range(200)))
    thread, client = thread_of(messages[0]), reader(number.business)
    page = client.get(f"/inbox/{thread}/?at={messages[100].pk}&mark=message+100").context["page"]
    assert [entry.message.text for entry in page.entries] == [
        f"message {n:03}" for n in range(81, 121)
    ]
    assert (page.older, page.newer) == (messages[81].pk, messages[120].pk)
    more = client.get(f"/inbox/{thread}/messages/?after={page.newer}").context["page"]
    assert [entry.message.text for entry in more.entries] == [
        f"message {n:03}" for n in range(121, 161)
    ]
    last = client.get(f"/inbox/{thread}/messages/?after={more.newer}").context["page"]
    assert (last.entries[-1].message.text, last.newer) == ("message 199", 0)


def test_a_jump_near_the_end_stays_live(number: Number) -> None:
    messages = say(number, *(f"message {n:03}" for n in range(50)))
    page = reader(number.business).get(f"/inbox/{thread_of(messages[0])}/?at={messages[45].pk}")
    assert page.context["page"].newer == 0
    assert 'id="latest"' in page.content.decode()


def test_a_page_of_hits_takes_a_fixed_number_of_queries(
    number: Number, django_assert_max_num_queries: Any
) -> None:
    say(number, *(f"apple {n}" for n in range(25)))
    client = reader(number.business)
    client.get("/search/?q=apple")
    with django_assert_max_num_queries(27):
        client.get("/search/?q=apple")

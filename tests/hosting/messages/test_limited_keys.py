"""API keys that are limited to some numbers: at both APIs, what is of another number is not
there.
"""

from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import get_resolver, reverse

from accounts import api_keys
from accounts.models import ApiKey, AuditEntry, Business
from core.errors import BadInput
from core.tenancy import scope, system
from hosting.models import (
    Conversation,
    Message,
    Number,
    Outgoing,
    RejectedSend,
    SimulatedPhone,
    Template,
    Webhook,
)
from tests.factories import (
    make_business,
    make_key,
    make_member,
    make_messages,
    make_number,
    make_template,
)

NOON = datetime(2026, 5, 10, 12, tzinfo=UTC)
TO = "14155550100"
OTHERS_TOO = "This key is limited to some numbers, and this concerns others too."
WHOLE = "This key is limited to some numbers, and this belongs to the business as a whole."


class House(NamedTuple):
    """A business with two numbers in one account, and a message of each; the key reaches the
    first.
    """

    business: Business
    mine: Number
    other: Number
    client: Client


@pytest.fixture
def house(db: None) -> House:
    business = make_business(clock_at=NOON)
    mine = make_number(business)
    with system("test"):
        other = Number.objects.create(
            business=business,
            account=mine.account,
            digits="15559990001",
            verified_name="Other shop",
        )
        SimulatedPhone.objects.create(business=business, wa_id=TO, name="Sheena")
    for number in (mine, other):
        make_messages(business, number, 1, to=TO, at=NOON)
    return House(business, mine, other, limited(business, mine))


def limited(business: Business, *numbers: Number, **fields: Any) -> Client:
    key = make_key(business, number_ids=[number.pk for number in numbers], **fields)
    return Client(headers={"Authorization": f"Bearer {key}"})


def error_of(response: Any) -> tuple[int, int | str, str]:
    error = response.json()["error"]
    details = error.get("error_data", {}).get("details")
    return response.status_code, error["code"], details or error["message"]


def rows(model: Any, **which: Any) -> list[Any]:
    with system("test"):
        return list(model.objects.filter(**which).order_by("pk"))


# --- the Cloud API


def test_it_sends_by_its_number_and_by_no_other(house: House) -> None:
    template = make_template(house.mine, components=[{"type": "BODY", "text": "Ready"}])
    body = {
        "messaging_product": "whatsapp",
        "to": TO,
        "type": "template",
        "template": {"name": template.name, "language": {"code": "en_US"}},
    }
    refused = house.client.post(
        f"/v23.0/{house.other.phone_number_id}/messages", body, content_type="application/json"
    )
    assert error_of(refused)[:2] == (404, 803)
    assert not rows(Outgoing)
    assert not rows(RejectedSend)
    sent = house.client.post(
        f"/v23.0/{house.mine.phone_number_id}/messages", body, content_type="application/json"
    )
    assert sent.status_code == 200
    assert [row.wamid for row in rows(Message, number=house.mine, kind="template")] == [
        sent.json()["messages"][0]["id"]
    ]
    assert len(rows(Outgoing)) == 1


def test_a_key_of_one_number_need_not_name_it(house: House) -> None:
    with system("test"):
        found = _door(house, "")
    assert found == house.mine.phone_number_id


def _door(house: House, phone_number_id: str) -> str | None:
    from django.db import connection

    text = house.client.defaults["HTTP_AUTHORIZATION"].removeprefix("Bearer ")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT phone_number_id FROM hosting_authenticate(%s, %s, %s)",
            [text[7:15], ApiKey.digest_of(text), phone_number_id],
        )
        found: str | None = cursor.fetchone()[0]
        return found


def test_edges_of_another_number_are_not_there(house: House) -> None:
    for edge in (
        "",
        "/whatsapp_business_profile",
        "/block_users",
        "/message_history",
        "/whatsapp_commerce_settings",
    ):
        assert house.client.get(f"/v23.0/{house.mine.phone_number_id}{edge}").status_code == 200
        assert error_of(house.client.get(f"/v23.0/{house.other.phone_number_id}{edge}"))[:2] == (
            404,
            803,
        )


def test_of_an_account_it_sees_its_numbers_and_changes_nothing_that_others_use(
    house: House,
) -> None:
    waba, template = house.mine.account.waba_id, make_template(house.mine)
    listed = house.client.get(f"/v23.0/{waba}/phone_numbers").json()["data"]
    assert [row["id"] for row in listed] == [house.mine.phone_number_id]
    assert [
        row["id"] for row in house.client.get(f"/v23.0/{waba}/message_templates").json()["data"]
    ] == [template.template_id]
    new = {
        "name": "new",
        "language": "en_US",
        "category": "UTILITY",
        "components": [{"type": "BODY", "text": "Hi"}],
    }
    asked = [
        house.client.post(f"/v23.0/{waba}/message_templates", new, content_type="application/json"),
        house.client.delete(f"/v23.0/{waba}/message_templates?name={template.name}"),
        house.client.post(f"/v23.0/{template.template_id}", new, content_type="application/json"),
        house.client.post(f"/v23.0/{waba}/subscribed_apps", {}, content_type="application/json"),
        house.client.get(f"/v23.0/{waba}/analytics?start=1&end=2&granularity=DAY"),
        house.client.get(f"/v23.0/{waba}?fields=analytics.start(1).end(2).granularity(DAY)"),
        house.client.get(f"/v23.0/{waba}/activities"),
    ]
    assert [error_of(response) for response in asked] == [(403, 200, OTHERS_TOO)] * len(asked)
    assert [(row.name, row.deleted_at, row.components) for row in rows(Template)] == [
        (template.name, None, template.components)
    ]
    assert not rows(Webhook)


def test_an_account_of_other_numbers_is_not_there(house: House) -> None:
    far = make_number(house.business)
    template = make_template(far)
    waba = far.account.waba_id
    for path in (waba, f"{waba}/phone_numbers", f"{waba}/message_templates", template.template_id):
        assert error_of(house.client.get(f"/v23.0/{path}"))[:2] == (404, 803)
    owned = house.client.get(f"/v23.0/{house.business.pk}/owned_whatsapp_business_accounts").json()[
        "data"
    ]
    assert [row["id"] for row in owned] == [house.mine.account.waba_id]


def test_a_key_of_all_numbers_of_an_account_may_change_it(house: House) -> None:
    make_number(house.business)
    client = limited(house.business, house.mine, house.other)
    new = {
        "name": "new",
        "language": "en_US",
        "category": "UTILITY",
        "components": [{"type": "BODY", "text": "Hi"}],
    }
    waba = house.mine.account.waba_id
    assert (
        client.post(
            f"/v23.0/{waba}/message_templates", new, content_type="application/json"
        ).status_code
        == 200
    )


# --- the REST API


def test_conversations_messages_and_hits_are_those_of_its_numbers(house: House) -> None:
    own, foreign = (rows(Conversation, number=number)[0] for number in (house.mine, house.other))
    said, hidden = (rows(Message, number=number)[0] for number in (house.mine, house.other))

    def ids(path: str) -> list[Any]:
        return [
            row.get("message", row)["id"]
            for row in house.client.get(f"/api/v1/{path}").json()["data"]
        ]

    assert ids("conversations/") == [str(own.public_id)]
    assert ids("messages/") == ids("search/?q=x") == ids("search/") == [said.pk]
    assert house.client.get(f"/api/v1/messages/{said.pk}/").status_code == 200
    for path in (
        f"conversations/{foreign.public_id}/",
        f"conversations/{foreign.public_id}/messages/",
        f"messages/{hidden.pk}/",
    ):
        assert house.client.get(f"/api/v1/{path}").status_code == 404
    changed = house.client.patch(
        f"/api/v1/conversations/{foreign.public_id}/",
        {"is_resolved": True},
        content_type="application/json",
    )
    assert changed.status_code == 404
    assert [row.is_resolved for row in rows(Conversation)] == [False, False]
    for path in ("conversations/", "messages/", "search/"):
        response = house.client.get(f"/api/v1/{path}?number={house.other.phone_number_id}")
        assert error_of(response) == (400, "invalid", "number names none of yours.")


def test_rest_sends_by_no_other_number(house: House) -> None:
    body = {"from": house.other.phone_number_id, "to": TO, "text": {"body": "hi"}}
    response = house.client.post("/api/v1/messages/", body, content_type="application/json")
    assert error_of(response) == (400, "invalid", "from names none of yours.")
    assert response.json()["error"]["field"] == "from"
    assert not rows(Outgoing)


def test_search_over_two_of_three_numbers(house: House) -> None:
    third = make_number(house.business)
    make_messages(house.business, third, 1, to=TO, at=NOON)
    client = limited(house.business, house.mine, third)
    found = client.get("/api/v1/search/?q=x").json()["data"]
    assert {row["message"]["number"] for row in found} == {
        house.mine.phone_number_id,
        third.phone_number_id,
    }


def rest_paths() -> list[str]:
    """Each address below /api/v1/ without arguments."""
    names = [
        name
        for name in get_resolver().reverse_dict
        if isinstance(name, str) and name.startswith("api_")
    ]
    open_to_all = {"api_schema", "api_docs", "api_root", "api_not_found"}
    plain = [
        name
        for name in names
        if any(
            not keys for form in get_resolver().reverse_dict.getlist(name) for _, keys in form[0]
        )
    ]
    return sorted(reverse(name) for name in plain if name not in open_to_all)


BY_NUMBER = {"/api/v1/conversations/", "/api/v1/messages/", "/api/v1/search/", "/api/v1/orders/"}


def test_whatever_else_there_is_belongs_to_the_business_as_a_whole(house: House) -> None:
    paths = rest_paths()
    assert len(paths) > 12
    assert set(paths) > BY_NUMBER
    for path in paths:
        response = house.client.get(path)
        if path in BY_NUMBER:
            assert response.status_code == 200, path
        else:
            assert (response.status_code, response.json().get("error", {}).get("message")) == (
                403,
                WHOLE,
            ), path


def test_the_root_names_its_numbers(house: House) -> None:
    assert house.client.get("/api/v1/").json()["numbers"] == [house.mine.phone_number_id]


# --- making, replacing, and what the database keeps


def test_the_limit_is_on_record_and_passes_to_the_successor(house: House) -> None:
    with scope(house.business.pk):
        key, _ = api_keys.create_key(
            business=house.business,
            name="till",
            scopes=["read"],
            number_ids=[house.other.pk, house.mine.pk],
        )
        successor, _ = api_keys.replace_key(key=key)
        entries = AuditEntry.objects.filter(action="key.created").values_list(
            "after__number_ids", flat=True
        )
        assert list(entries) == [[house.mine.pk, house.other.pk]] * 2
    assert key.number_ids == successor.number_ids == [house.mine.pk, house.other.pk]


def test_foreign_numbers_are_refused_by_the_verb_and_by_the_database(house: House) -> None:
    foreign = make_number(make_business("Other"))
    before = len(rows(ApiKey))
    with scope(house.business.pk), pytest.raises(BadInput) as refused:
        api_keys.create_key(
            business=house.business,
            name="x",
            scopes=["read"],
            number_ids=[house.mine.pk, foreign.pk],
        )
    assert refused.value.field == "number_ids"
    with (
        system("test"),
        pytest.raises(IntegrityError, match="numbers of its own business"),
        transaction.atomic(),
    ):
        ApiKey.issue(house.business, name="x", number_ids=[foreign.pk])
    with (
        system("test"),
        pytest.raises(IntegrityError, match="limited_key_has_numbers"),
        transaction.atomic(),
    ):
        ApiKey.objects.update(number_ids=[])
    assert len(rows(ApiKey)) == before


def test_the_page_offers_numbers_and_shows_the_limit(house: House, client: Client) -> None:
    client.force_login(make_member(house.business))
    page = client.get(reverse("keys")).content.decode()
    assert "Other shop" in page
    client.post(
        reverse("keys"), {"name": "till", "scopes": ["read"], "number_ids": [house.other.pk]}
    )
    assert [key.number_ids for key in rows(ApiKey, name="till")] == [[house.other.pk]]
    shown = client.get(reverse("keys")).content.decode()
    assert f"only {house.other.display_phone_number} · Other shop" in " ".join(shown.split())


def test_with_one_number_there_is_nothing_to_choose(client: Client, db: None) -> None:
    business = make_business()
    make_number(business)
    client.force_login(make_member(business))
    assert 'name="number_ids"' not in client.get(reverse("keys")).content.decode()
    client.post(reverse("keys"), {"name": "all", "scopes": ["read"]})
    assert [key.number_ids for key in rows(ApiKey)] == [None]

"""No admin page shows, filters by or finds by what people wrote, secrets, keys and pay tokens."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from django.contrib import admin
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import CharField, Field, JSONField, Model, TextField
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts.admin_site.base import AuditedAdmin, hidden_of
from accounts.admin_site.texts import TextAdmin, bodies_of
from accounts.models import AuditEntry, User
from core.tenancy import system
from hosting.models import CannedReply, Message, Note
from tests.factories import make_business, make_messages, make_number

ADMINS = sorted(admin.site._registry.items(), key=lambda item: item[0]._meta.label)
# Names of columns that no page may show, whatever the model; see `accounts.admin_site.base`.
SECRET_WORDS = ("token", "secret", "password", "digest", "pin", "session_key", "body", "text")
# Columns whose name only sounds like it.
HARMLESS = {"accounts.User.password", "hosting.Recount.text"}
TEXTS = [(model, page) for model, page in ADMINS if isinstance(page, TextAdmin)]


def _columns(model: type[Model]) -> list[Field[Any, Any]]:
    return [field for field in model._meta.get_fields() if isinstance(field, Field)]


def _named(page: Any) -> set[str]:
    """Columns that an admin page names anywhere, also those of its inlines."""
    named = {
        str(one).split("__")[0].lstrip("^=@")
        for names in (page.list_display, page.search_fields, page.readonly_fields, page.ordering)
        for one in names or ()
    }
    named |= {one if isinstance(one, str) else one[0] for one in page.list_filter
              if isinstance(one, (str, tuple))}  # fmt: skip
    return named


@pytest.mark.parametrize(("model", "page"), ADMINS, ids=lambda one: getattr(one, "__name__", ""))
def test_hidden_columns_are_shown_by_no_page(model: type[Model], page: Any) -> None:
    assert isinstance(page, AuditedAdmin)
    hidden = set(hidden_of(model, page.hidden))
    sounding = {
        field.name
        for field in _columns(model)
        if any(word == field.name or field.name.endswith(f"_{word}") for word in SECRET_WORDS)
        and f"{model._meta.label}.{field.name}" not in HARMLESS
    }
    assert sounding <= hidden
    assert _named(page) & hidden == set()
    request = RequestFactory().get("/")
    request.user = User(is_superuser=True, is_staff=True, is_active=True)
    fields = {str(one) for one in page.get_fields(request)} if not page.fieldsets else set()
    assert fields & hidden == set()
    for inline in page.inlines:
        assert set(inline.fields or ()) & set(hidden_of(inline.model)) == set()
    marked = {
        field.name: f"planted {field.name}"
        for field in _columns(model)
        if field.name in hidden and isinstance(field, (CharField, TextField))
    }
    # What a row is called stands in titles, links and the audit log.
    with suppress(ObjectDoesNotExist, TypeError):
        assert not marked or "planted" not in str(model(**marked))


@pytest.mark.parametrize(("model", "page"), ADMINS, ids=lambda one: getattr(one, "__name__", ""))
def test_no_list_is_asked_for_by_other_columns_than_its_filters(
    model: type[Model], page: Any
) -> None:
    request = RequestFactory().get("/")
    for field in _columns(model):
        if not isinstance(field, (CharField, TextField, JSONField)):
            continue
        for condition in ("__startswith", "__contains", "__regex", "__lt", "__gte", ""):
            if condition in ("", "__lt", "__gte") and field.name in _named(page):
                continue
            assert not page.lookup_allowed(f"{field.name}{condition}", "x", request), field
    for lookup in ("business__owner__password__startswith", "user__password__startswith"):
        assert not page.lookup_allowed(lookup, "x", request)


def test_what_people_wrote_is_opened_for_a_reason_that_the_owner_sees(
    client: Client, db: None
) -> None:
    business = make_business()
    number = make_number(business)
    client.force_login(User.objects.create_superuser("ops@example.com"))
    with system("test"):
        (message,) = make_messages(business, number, 1)
        Message.objects.filter(pk=message).update(text="planted words")
        thread = Message.objects.get(pk=message).conversation
        note = Note.objects.create(business=business, conversation=thread, text="planted words")
        reply = CannedReply.objects.create(
            business=business, shortcut="hello", text="planted words"
        )
    for row in (Message(pk=message), note, reply):
        name = row._meta.model_name
        listed = client.get(reverse(f"admin:hosting_{name}_changelist"))
        shown = client.get(reverse(f"admin:hosting_{name}_change", args=[row.pk]))
        assert (listed.status_code, shown.status_code) == (200, 200)
        assert "planted" not in listed.content.decode() + shown.content.decode()
        asked = client.get(
            reverse(f"admin:hosting_{name}_changelist"), {"text__startswith": "planted"}
        )
        assert asked.status_code in (302, 400)
        path = f"/admin/hosting/{name}/{row.pk}/open/"
        assert "planted" not in client.get(path).content.decode()
        assert "planted" not in client.post(path, {"reason": ""}).content.decode()
        assert "planted words" in client.post(path, {"reason": "ticket 7"}).content.decode()
    with system("test"):
        written = AuditEntry.objects.filter(business=business, action__endswith=".opened")
        assert sorted(written.values_list("action", "after__reason")) == [
            ("cannedreply.opened", "ticket 7"),
            ("message.opened", "ticket 7"),
            ("note.opened", "ticket 7"),
        ]


# Mails and previews have pages of their own; what a posting says is written by Parley.
LOOKED_AT_ELSEWHERE = ("core.Email", "hosting.Conversation", "billing.Posting")


def test_every_model_of_a_business_with_bodies_can_be_opened() -> None:
    found = {model._meta.model_name for model, _ in TEXTS}
    expected = {
        model._meta.model_name
        for model, _ in ADMINS
        if bodies_of(model) and model._meta.label not in LOOKED_AT_ELSEWHERE
    }
    assert found == expected

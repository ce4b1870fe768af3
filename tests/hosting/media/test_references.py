"""A file goes with the last thing that names it: every place that can hold one counts."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.core.files.storage import default_storage
from django.db.models import JSONField, Model
from django.utils import timezone

from core.sql import statement
from core.tenancy import scope, system
from hosting.limits import locked_messages
from hosting.media import references
from hosting.media.store import store_media
from hosting.models import (
    Contact,
    Conversation,
    LockedMessage,
    Media,
    MediaFetch,
    Message,
    Number,
    RejectedSend,
    Template,
    Upload,
    UpstreamMedia,
)
from hosting.privacy import erasure
from shops.models import Picture
from tests.factories import make_business, make_messages, make_number, make_template
from tests.hosting.messages.test_objects import PNG
from tests.shops.sample_data import make_catalog, make_product

# JSON columns of tenant tables in which no file is ever named, and why.
WITHOUT_FILES = {
    "accounts_auditentry.before": "facts of a change",
    "accounts_auditentry.after": "facts of a change",
    "billing_creditnote.buyer": "an address", "billing_creditnote.seller": "an address",
    "billing_creditnote.taxes": "amounts", "billing_export.filters": "choices of a form",
    "billing_invoice.buyer": "an address", "billing_invoice.seller": "an address",
    "billing_invoice.taxes": "amounts", "billing_invoice.seller_tax": "numbers of registrations",
    "billing_creditnote.seller_tax": "numbers of registrations",
    "hosting_broadcast.invalid": "rows of a list that were not taken",
    "hosting_broadcastrecipient.variables": "texts of a template's variables",
    "hosting_chatexport.position": "where a job goes on",
    "hosting_chatimport.position": "where a job goes on",
    "hosting_chatimport.preview": "counts and names",
    "hosting_chatimport.answers": "choices of a form",
    "hosting_chatimport.refused": "rows that were not taken",
    "hosting_flow.validation_errors": "errors of a form",
    "hosting_message.errors": "the network's words",
    "hosting_number.settings": "greeting, compliance, a public key",
    "hosting_parkedstatus.errors": "the network's words",
    "shops_catalogimport.columns": "columns of a file",
    "shops_catalogimport.ignored": "columns of a file",
    "shops_catalogimport.sample": "rows of a file",
    "shops_order.address": "an address", "shops_product.options": "words",
    "shops_catalogimport.position": "where a job goes on",
    "shops_buyerrefund.lines": "lines of an order",
}  # fmt: skip


def test_every_column_that_may_name_a_file_is_counted_or_says_why_not() -> None:
    found = {
        f"{model._meta.db_table}.{field.column}"
        for model in apps.get_models()
        if any(one.name == "business" for one in model._meta.fields)
        for field in model._meta.fields
        if isinstance(field, JSONField)
    }
    pairs = re.findall(
        r"FROM (\w+) t WHERE t\.business_id = \S+\s+AND t\.(\w+)::text",
        statement("hosting", "unreferenced_media"),
    )
    counted = {f"{table}.{column}" for table, column in pairs}
    assert len(counted) == 4
    assert found == counted | {"hosting_message.content"} | set(WITHOUT_FILES)


def test_every_key_that_points_at_a_file_is_counted() -> None:
    holding: set[type[Model]] = {one.related_model for one in references.holding_keys()}
    assert holding == {Picture, Upload}
    assert set(references.FOLLOWERS) == {UpstreamMedia, MediaFetch}


@pytest.fixture
def number(db: None) -> Number:
    return make_number(make_business("M"))


def make_file(number: Number, content: bytes = PNG) -> Media:
    with scope(number.business_id):
        return store_media(business=number.business, content=content, mime_type="image/png")


def image(media: Media) -> dict[str, Any]:
    return {"id": media.media_id}


def header(media: Media) -> dict[str, Any]:
    parameters = [{"type": "image", "image": image(media)}]
    return {"name": "offer", "components": [{"type": "header", "parameters": parameters}]}


def card(media: Media) -> dict[str, Any]:
    inner = [{"type": "header", "parameters": [{"type": "image", "image": image(media)}]}]
    cards = [{"card_index": 0, "components": inner}]
    return {"name": "offer", "components": [{"type": "carousel", "cards": cards}]}


def interactive(media: Media) -> dict[str, Any]:
    return {"type": "button", "header": {"type": "image", "image": image(media)}}


SHAPES = [("image", image), ("template", header), ("template", card), ("interactive", interactive)]


def put_in(number: Number, to: str, kind: str, content: dict[str, Any]) -> Contact:
    (key,) = make_messages(number.business, number, 1, to=to)
    with system("test"):
        Message.objects.filter(pk=key).update(kind=kind, content=content)
        return Contact.objects.get(business=number.business, wa_id=to)


def forget(contact: Contact) -> None:
    with scope(contact.business_id):
        erasure.request_erasure(contact=contact)
    assert erasure.erase_due() == 1


def is_there(media: Media) -> bool:
    with system("test"):
        row = Media.objects.filter(pk=media.pk, deleted_at=None).exists()
        return row and default_storage.exists(media.path)


@pytest.mark.parametrize(("kind", "shape"), SHAPES)
def test_forgetting_one_recipient_leaves_the_file_to_the_others(
    number: Number, kind: str, shape: Any
) -> None:
    media = make_file(number)
    people = [put_in(number, f"1415555010{n}", kind, shape(media)) for n in range(2)]
    forget(people[0])
    assert is_there(media)
    forget(people[1])
    assert not is_there(media)


def places(number: Number, media: Media) -> dict[str, Any]:
    """Everything else that may name a file, as functions that write it."""
    business = number.business

    def locked() -> None:
        (key,) = make_messages(business, number, 1, to="14155550177")
        thread = Conversation.objects.get(contact__wa_id="14155550177")
        LockedMessage.objects.create(
            message_id=key, business=business, conversation=thread, month="2026-05-01", position=1,
            kind="image", content=image(media), keep_until=timezone.now(),
        )  # fmt: skip

    def refused() -> None:
        RejectedSend.objects.create(
            business=business, number=number, wa_id="1", kind="image", content=image(media),
            code=1, reason="x",
        )  # fmt: skip

    def template() -> None:
        example = {"type": "HEADER", "format": "IMAGE",
                   "example": {"header_handle": [f"4::{media.media_id}"]}}  # fmt: skip
        Template.objects.filter(pk=make_template(number).pk).update(components=[example])

    def profile() -> None:
        handle = {"profile_picture_handle": f"4::{media.media_id}"}
        Number.objects.filter(pk=number.pk).update(profile=handle)

    def picture() -> None:
        product = make_product(make_catalog(business, number), "sku")
        Picture.objects.create(business=business, product=product, media=media, position=1)

    def upload() -> None:
        Upload.objects.create(
            business=business, upload_id="u", mime_type="image/png", size=1, media=media
        )

    return {"locked": locked, "refused": refused, "template": template, "profile": profile,
            "picture": picture, "upload": upload}  # fmt: skip


@pytest.mark.parametrize("place", ["locked", "refused", "template", "profile", "picture", "upload"])
def test_a_file_that_is_used_elsewhere_outlives_the_customer(number: Number, place: str) -> None:
    media = make_file(number)
    contact = put_in(number, "14155550100", "image", image(media))
    with system("test"):
        places(number, media)[place]()
    forget(contact)
    assert is_there(media)


def test_a_file_of_another_business_is_not_deleted_with_a_message_that_names_it(
    number: Number,
) -> None:
    """M's customers, locked messages and purged ones name a file of V's."""
    stranger = make_number(make_business("V"))
    media = make_file(stranger)
    forget(put_in(number, "14155550100", "image", image(media)))
    (key,) = make_messages(number.business, number, 1, to="14155550101")
    with system("test"):
        thread = Conversation.objects.get(contact__wa_id="14155550101")
        LockedMessage.objects.create(
            message_id=key, business=number.business, conversation=thread, month="2026-05-01",
            position=1, kind="image", content=image(media),
            keep_until=timezone.now() - timedelta(days=1),
        )  # fmt: skip
    assert locked_messages.purge_due() == 1
    with system("test"):
        references.mark_deleted(business_id=number.business_id, media_ids=[media.media_id])
        references.delete_files(business_id=number.business_id, media_ids=[media.media_id])
    assert is_there(media)

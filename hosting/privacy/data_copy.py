"""Copy of all personal data of one customer, as a ZIP."""

import json
import zipfile
from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from django.core.serializers.json import DjangoJSONEncoder

from hosting.cloudapi.files import MB
from hosting.media.references import media_of_messages
from hosting.media.store import open_media
from hosting.models import Block, BroadcastRecipient, Contact, Conversation, Media, Message

FIELDS = (
    "id", "wamid", "conversation_id", "direction", "kind", "text", "content", "context_wamid",
    "category", "status", "created_at", "sent_at", "delivered_at", "read_at", "failed_at",
    "edited_at", "revoked_at",
)  # fmt: skip


def as_zip(contact: Contact) -> IO[bytes]:
    """Return a ZIP of `contact.json` and `media/…`, open for reading.

    Call inside the business's scope. Larger ones are kept on disk while they are open.
    """
    held = SpooledTemporaryFile(max_size=8 * MB)  # noqa: SIM115
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("contact.json", "w", force_zip64=True) as file:
            for part in _json(contact):
                file.write(part.encode())
        for media in _media(contact):
            with (
                archive.open(_name(media), "w", force_zip64=True) as file,
                open_media(media) as content,
            ):
                for chunk in content.chunks():
                    file.write(chunk)
    held.seek(0)
    return held


def _json(contact: Contact) -> Iterator[str]:
    blocked = Block.objects.filter(business_id=contact.business_id, wa_id=contact.wa_id)
    facts: dict[str, Any] = {
        "wa_id": contact.wa_id,
        "user_id": contact.user_id,
        "name": contact.name,
        "username": contact.username,
        "alias": contact.alias,
        "created_at": contact.created_at,
        "opted_out_at": contact.opted_out_at,
        "broadcasts": list(
            _listed(contact).values("broadcast__name", "variables", "state", "done_at")
        ),
        "former_numbers": list(
            contact.former_numbers.order_by("changed_at").values("wa_id", "changed_at")
        ),
        "blocked_by": list(blocked.values_list("number__digits", flat=True)),
        "conversations": list(
            _threads(contact).values("id", "public_id", "number__digits", "created_at")
        ),
        "media": [
            {
                "id": media.media_id,
                "file": _name(media),
                "mime_type": media.mime_type,
                "sha256": media.sha256,
            }
            for media in _media(contact)
        ],
    }
    yield json.dumps(facts, cls=DjangoJSONEncoder, ensure_ascii=False)[:-1] + ', "messages": ['
    for n, row in enumerate(_messages(contact).values(*FIELDS).iterator(chunk_size=2000)):
        yield (",\n" if n else "\n") + json.dumps(row, cls=DjangoJSONEncoder, ensure_ascii=False)
    yield "\n]}\n"


def _listed(contact: Contact) -> Any:
    rows = BroadcastRecipient.objects.filter(business_id=contact.business_id, wa_id=contact.wa_id)
    return rows.order_by("id")


def _threads(contact: Contact) -> Any:
    return Conversation.objects.filter(business_id=contact.business_id, contact=contact).order_by(
        "id"
    )


def _messages(contact: Contact) -> Any:
    return Message.objects.filter(conversation__in=_threads(contact)).order_by("id")


def _media(contact: Contact) -> Iterator[Media]:
    ids = media_of_messages(business_id=contact.business_id, messages=_messages(contact).order_by())
    rows = Media.objects.live().filter(business_id=contact.business_id, media_id__in=ids)
    return (media for media in rows.order_by("id"))


def _name(media: Media) -> str:
    return f"media/{media.media_id}-{media.filename or media.mime_type.replace('/', '.')}"

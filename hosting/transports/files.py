"""Files on their way to an upstream: uploaded there before the message that names them, once for
each number.
"""

import secrets
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from django.core.files.storage import default_storage
from django.utils import timezone

from core.http import FetchFailed, NotReached, fetch
from hosting.cloudapi import sends
from hosting.cloudapi.json import MalformedJson, as_dict, as_text, read_json
from hosting.cloudapi.upstreams import Outcome, SendResult, result_of
from hosting.errors import CloudApiError
from hosting.models import Media, Message, UpstreamMedia

log = structlog.get_logger(__name__)

TIMEOUT = 60.0
PIECE = 64 * 1024
# An upstream keeps an uploaded file for 30 days; what was uploaded this long ago is uploaded anew.
FRESH = timedelta(days=25)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of a message; `upstream_id` is empty while the upstream has it not, `path` where we
    have it no more.
    """

    media_pk: int
    media_id: str
    path: str
    mime_type: str
    size: int
    upstream_id: str = ""


class NotUploaded(Exception):
    """The upstream does not have the file, so the message was surely not sent; `result` says what
    follows.
    """

    def __init__(self, result: SendResult) -> None:
        super().__init__(result.why)
        self.result = result


def attached_to(messages: Sequence[Message]) -> dict[int, list[Attachment]]:
    """The files of these messages by message id; two queries, none where no message holds a
    file.
    """
    wanted = {message.pk: {str(one["id"]) for _, one in _media_in(message)} for message in messages}
    ids = set().union(*wanted.values()) if wanted else set()
    if not ids:
        return {}
    businesses = {message.business_id for message in messages}
    media = {
        row.media_id: row for row in Media.objects.filter(business__in=businesses, media_id__in=ids)
    }
    there = _there(media.values(), {message.number_id for message in messages})
    found: dict[int, list[Attachment]] = defaultdict(list)
    for message in messages:
        for media_id in sorted(wanted[message.pk]):
            row = media.get(media_id)
            usable = row is not None and row.business_id == message.business_id
            found[message.pk].append(
                _attachment(row, there.get((message.number_id, row.pk), ""))
                if row is not None and usable
                else Attachment(0, media_id, "", "", 0)
            )
    return found


def _media_in(message: Message) -> "Iterator[tuple[str, dict[str, Any]]]":
    return (found for found in sends.media_of(message.kind, message.content) if "id" in found[1])


def _there(media: Iterable[Media], numbers: set[int]) -> dict[tuple[int, int], str]:
    rows = UpstreamMedia.objects.filter(
        media__in=media, number__in=numbers, uploaded_at__gt=timezone.now() - FRESH
    )
    return {
        (row[0], row[1]): row[2] for row in rows.values_list("number_id", "media_id", "upstream_id")
    }


def _attachment(media: Media, upstream_id: str) -> Attachment:
    usable = media.deleted_at is None and media.is_ready
    return Attachment(
        media_pk=media.pk,
        media_id=media.media_id,
        path=media.path if usable else "",
        mime_type=media.mime_type,
        size=media.size,
        upstream_id=upstream_id,
    )


def renamed(kind: str, content: Any, ids: dict[str, str]) -> None:
    """Name the upstream's files in a message's content in place of ours; changes the content
    itself.
    """
    for _, one in sends.media_of(kind, content):
        if "id" in one:
            one["id"] = ids.get(str(one["id"]), one["id"])
            # A link that was fetched has an id beside it now; the protocol takes one of the two.
            one.pop("link", None)


def upload(attachment: Attachment, *, url: str, bearer: str) -> str:
    """Upload a file and return its id there; raises NotUploaded. Touches no database."""
    if not attachment.path:
        gone = CloudApiError(131053, f"Media {attachment.media_id} was deleted before it was sent.")
        raise NotUploaded(
            SendResult(Outcome.REFUSED, errors=(gone.as_status_error(),), why=gone.message)
        )
    boundary = secrets.token_hex(16)
    head, tail = _frame(attachment, boundary)
    try:
        with default_storage.open(attachment.path, "rb") as held:
            found = fetch(
                url,
                method="POST",
                body=_pieces(head, held, tail),
                headers={
                    "authorization": f"Bearer {bearer}",
                    "content-type": f"multipart/form-data; boundary={boundary}",
                    "content-length": str(len(head) + attachment.size + len(tail)),
                },
                timeout=TIMEOUT,
            )
    except NotReached as error:
        raise NotUploaded(SendResult(Outcome.LATER, rest=True, why=str(error))) from None
    except (FetchFailed, OSError) as error:
        raise NotUploaded(SendResult(Outcome.LATER, why=f"upload: {error}"[:500])) from None
    return _id_in(found.status, found.body)


def _id_in(status: int, body: bytes) -> str:
    try:
        media_id = as_text(as_dict(read_json(body)).get("id"))
    except MalformedJson:
        media_id = ""
    if 200 <= status < 300 and 0 < len(media_id) <= 64:
        return media_id
    result = result_of(status, body)
    if result.outcome in (Outcome.REFUSED, Outcome.LATER):
        raise NotUploaded(result)
    # To upload twice does no harm, so what is not known is tried again.
    raise NotUploaded(SendResult(Outcome.LATER, why=f"upload: HTTP {status} without an id"))


def _frame(attachment: Attachment, boundary: str) -> tuple[bytes, bytes]:
    """What stands before and after the file in a multipart body."""
    part = f"--{boundary}\r\nContent-Disposition: form-data; name="
    extension = attachment.mime_type.rpartition("/")[2].partition(";")[0]
    head = (
        f'{part}"messaging_product"\r\n\r\nwhatsapp\r\n'
        f'{part}"type"\r\n\r\n{attachment.mime_type}\r\n'
        f'{part}"file"; filename="{attachment.media_id}.{extension}"\r\n'
        f"Content-Type: {attachment.mime_type}\r\n\r\n"
    )
    return head.encode(), f"\r\n--{boundary}--\r\n".encode()


def _pieces(head: bytes, held: Any, tail: bytes) -> Iterator[bytes]:
    yield head
    yield from iter(lambda: held.read(PIECE), b"")
    yield tail


def remember(uploads: Iterable[tuple[int, int, int, str]]) -> None:
    """Note what an upstream has now: (business, number, media, its id there), call inside
    `system`.
    """
    now = timezone.now()
    latest = {(row[1], row[2]): row for row in uploads}
    UpstreamMedia.objects.bulk_create(
        [
            UpstreamMedia(
                business_id=row[0],
                number_id=row[1],
                media_id=row[2],
                upstream_id=row[3],
                uploaded_at=now,
            )
            for _, row in sorted(latest.items())
        ],
        update_conflicts=True,
        unique_fields=["number", "media"],
        update_fields=["upstream_id", "uploaded_at"],
    )

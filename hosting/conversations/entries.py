"""Thread entries: a message with its day, quote, notes, reactions, files and products."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.utils import timezone

from hosting import extensions
from hosting.cloudapi.json import as_dict, as_text
from hosting.cloudapi.other_fields import is_missed
from hosting.cloudapi.parts import Button, buttons_of, header_of
from hosting.cloudapi.sends import MEDIA_KINDS
from hosting.cloudapi.texts import products_of
from hosting.media.store import media_of
from hosting.models import Activity, Media, Message, Note

KNOWN_KINDS = frozenset({
    "text", "template", "image", "video", "audio", "document", "sticker", "location", "contacts",
    "interactive", "button", "order", "reaction", "system", "media_placeholder", "locked", "call",
})  # fmt: skip


AMENDMENTS = frozenset({"edit", "revoke"})


@dataclass(frozen=True)
class Entry:
    """One message as a thread shows it.

    `is_own` puts it on the reader's side, `day` is set when the date changes, `starts_turn` when
    the speaker changes; `notes` come from other apps (prices), `private_notes` from colleagues.
    """

    message: Message
    is_own: bool
    day: date | None
    starts_turn: bool
    quoted: Message | None = None
    notes: list[extensions.MessageNote] = field(default_factory=list)
    reactions: list[str] = field(default_factory=list)
    media: Media | None = None
    private_notes: list[Note | Activity] = field(default_factory=list)
    products: list[extensions.ProductCard] = field(default_factory=list)

    @property
    def template(self) -> str:
        """The template that renders this kind of message."""
        if self.message.revoked_at and not self.message.text:
            return "hosting/bubbles/revoked.html"
        kind = self.message.kind if self.message.kind in KNOWN_KINDS | AMENDMENTS else "unknown"
        return f"hosting/bubbles/{kind}.html"

    @property
    def ad(self) -> dict[str, str]:
        """The ad or post by which the customer came to write; {} without one.

        `headline`, `id` and `url`, which is "" unless it is one of the web.
        """
        referral = as_dict(self._extras.get("referral"))
        if not referral:
            return {}
        url = as_text(referral.get("source_url"))
        return {
            "headline": as_text(referral.get("headline")) or as_text(referral.get("body")),
            "id": as_text(referral.get("source_id")),
            "url": url if url.startswith(("https://", "http://")) else "",
        }

    @property
    def author(self) -> str:
        """Who wrote it, in a group; "" elsewhere."""
        author = as_dict(self.message.content.get("_author"))
        return as_text(author.get("name")) or as_text(author.get("wa_id"))

    @property
    def call(self) -> dict[str, Any]:
        """What a call was: `is_missed`, `is_ours`, and its `seconds`."""
        content = self.message.content
        seconds = as_text(content.get("duration"))
        return {
            "is_missed": is_missed(content),
            "is_ours": as_text(content.get("direction")) == "BUSINESS_INITIATED",
            "seconds": int(seconds) if seconds.isdecimal() and len(seconds) < 9 else 0,
        }

    @property
    def forwarded(self) -> str:
        """How the message was forwarded: "", "once", or "often"."""
        context = as_dict(self._extras.get("context"))
        if context.get("frequently_forwarded") is True:
            return "often"
        return "once" if context.get("forwarded") is True else ""

    @property
    def _extras(self) -> dict[str, Any]:
        return as_dict(self.message.content.get("_webhook"))

    @property
    def header(self) -> tuple[str, dict[str, Any]]:
        """The template and object of a template's or interactive message's header; ("", {}) without
        one.
        """
        kind, held = header_of(self.message.kind, self.message.content)
        return (f"hosting/bubbles/{kind}.html", held) if kind else ("", {})

    @property
    def buttons(self) -> list[Button]:
        """The buttons of a template message; empty when its template is not known."""
        template, given = self.message.template, self.message.content.get("components") or []
        return buttons_of(template.components, given) if template else []


def entries_of(rows: Sequence[Message], *, own: str) -> list[Entry]:
    """Build the entries of one conversation's messages in reading order.

    `own` is the direction shown as the reader's own. Related rows are read with one query for each
    kind.
    """
    # Pages are cut by id, the order of arrival; inside a page messages are ordered by time.
    rows = sorted(rows, key=lambda row: (row.created_at, row.pk))
    notes = extensions.notes_for(rows[0].business_id, [row.pk for row in rows]) if rows else {}
    quoted = _quoted(rows)
    reactions, placed = _reactions(rows)
    placed |= _amendments(rows)
    media, products = _media(rows), _products(rows)
    entries: list[Entry] = []
    day, speaker = None, ""
    for row in rows:
        if row.pk in placed:
            continue
        today = timezone.localtime(row.created_at).date()
        entries.append(
            Entry(
                message=row,
                is_own=row.direction == own,
                day=today if today != day else None,
                starts_turn=row.direction != speaker,
                quoted=quoted.get(referred(row)),
                notes=notes.get(row.pk, []),
                reactions=reactions.get(row.wamid, []),
                media=media.get(_media_id(row)),
                products=products.get(row.pk, []),
            )
        )
        day, speaker = today, row.direction
    return entries


def _media(rows: Sequence[Message]) -> dict[str, Media]:
    """Return the stored files of these messages by media id; no query when there are none."""
    ids = list(filter(None, map(_media_id, rows)))
    found = media_of(business_id=rows[0].business_id, media_ids=ids) if ids else {}
    return {media_id: media for media_id, media in found.items() if media.is_ready}


def _media_id(row: Message) -> str:
    """Return the media id of a message's file or of its header's file; empty without one."""
    held = row.content if row.kind in MEDIA_KINDS else header_of(row.kind, row.content)[1]
    return str(held.get("id", ""))


def _products(rows: Sequence[Message]) -> dict[int, list[extensions.ProductCard]]:
    """Return the products that the messages offer or order, by message id.

    An unknown product is shown by its id.
    """
    wanted = {row.pk: named for row in rows if (named := products_of(row.kind, row.content))}
    cards = (
        extensions.cards_for(
            rows[0].business_id, {one for named in wanted.values() for one in named}
        )
        if rows
        else {}
    )
    return {
        pk: [cards.get(one) or extensions.ProductCard(one) for one in named]
        for pk, named in wanted.items()
    }


def referred(message: Message) -> str:
    """Return the wamid of the message that this one replies or reacts to; empty without one."""
    return (
        str(message.content.get("message_id", ""))
        if message.kind == "reaction"
        else message.context_wamid
    )


def _quoted(rows: Sequence[Message]) -> dict[str, Message]:
    wanted = {referred(row) for row in rows} - {""}
    here = {row.wamid: row for row in rows if row.wamid in wanted}
    if missing := wanted - here.keys():
        for row in Message.objects.filter(number_id=rows[0].number_id, wamid__in=missing):
            # A reply may name a message of another thread, whose text must not show here.
            if row.conversation_id == rows[0].conversation_id:
                here[row.wamid] = row
    return here


def _reactions(rows: Sequence[Message]) -> tuple[dict[str, list[str]], set[int]]:
    """Return the reactions to messages among `rows`, and the ids of the reaction messages used."""
    here = {row.wamid for row in rows}
    latest: dict[tuple[str, str], str] = {}
    placed: set[int] = set()
    for row in rows:
        if row.kind == "reaction" and referred(row) in here:
            # Each side has one reaction a message; an empty one removes it.
            latest[referred(row), row.direction] = str(row.content.get("emoji") or "")
            placed.add(row.pk)
    shown: dict[str, list[str]] = {}
    for (wamid, _), emoji in latest.items():
        if emoji:
            shown.setdefault(wamid, []).append(emoji)
    return shown, placed


def _amendments(rows: Sequence[Message]) -> set[int]:
    """Return the ids of edits and revocations whose messages, changed, are among `rows`."""
    here = {row.wamid for row in rows if row.edited_at or row.revoked_at}
    return {row.pk for row in rows if row.kind in AMENDMENTS and row.context_wamid in here}

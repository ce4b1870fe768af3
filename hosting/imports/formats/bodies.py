"""Bodies of messages in an exported chat: text, files, locations, deleted messages."""

import re
from collections.abc import Container
from dataclasses import dataclass
from typing import Any

from hosting.imports.formats.headers import MARKS
from hosting.imports.formats.phrases import ATTACHED, DELETED, EDITED, OMITTED

LRM = "\u200e"
_STRIP = f"{MARKS} \u00a0\u202f\t"
_HIDDEN = re.compile(f"[{MARKS}]")
_NAMED = re.compile(
    rf"[{MARKS}]?<[^:：<>\n]{{1,40}}[:：][{MARKS} \u00a0\u202f]*"
    rf"([^<>/\\\n]{{1,200}}\.\w{{1,5}})[{MARKS}]*>"
)
_BRACKETED = re.compile(
    rf"^[{MARKS}]*([^<>/\\\n]{{1,200}}\.\w{{1,5}})[{MARKS}]* "
    rf"\(([^()\n]{{3,40}})\)[{MARKS}]*(?:\n|$)"
)
# File names as phones make them; words in brackets after one say that it is attached.
_PHONE_NAME = re.compile(
    r"(?:IMG|VID|AUD|PTT|DOC|STK|GIF)-\d{8}-WA\d{4,}\.\w{1,5}$|\d{8}-[A-Z]+-\d{4}-[\d-]+\.\w{1,5}$"
)
_PLACE = re.compile(
    rf"^[{MARKS}]*[^:\n]{{1,40}}: ?https?://(?:www\.)?maps\.google\.com/\?q="
    r"(-?\d{1,3}(?:\.\d+)?),(-?\d{1,3}(?:\.\d+)?)$"
)
_MARKED_END = re.compile(rf"[ \n]?{LRM}<[^<>:：\n]{{5,60}}>$")


def _key(text: str) -> str:
    return _HIDDEN.sub("", text).strip().rstrip(".。").replace(".>", ">").casefold()


_LEFT_OUT = {_key(phrase): kind for kind, phrases in OMITTED.items() for phrase in phrases}
_DELETED = frozenset(map(_key, DELETED))
_EDITED = frozenset(map(_key, EDITED))
_ATTACHED = frozenset(map(_key, ATTACHED))
_LONGEST = max(map(len, (*_LEFT_OUT, *_DELETED))) + 4
KINDS = {
    "image": ("jpg", "jpeg", "png", "heic"),
    "sticker": ("webp",),
    "video": ("mp4", "3gp", "mov", "gif", "mkv", "webm"),
    "audio": ("opus", "ogg", "m4a", "mp3", "aac", "amr", "wav"),
    "contacts": ("vcf",),
}
_KIND_OF = {ending: kind for kind, endings in KINDS.items() for ending in endings}


@dataclass(frozen=True, slots=True)
class Body:
    """A message's Cloud API kind and content, text, file name, and whether it was edited or
    deleted.
    """

    kind: str
    text: str
    content: dict[str, Any]
    filename: str = ""
    is_edited: bool = False
    is_deleted: bool = False


def read_body(body: str, files: Container[str] = frozenset()) -> Body:
    """Parse a body; `files` are the names of files beside the chat."""
    if (
        LRM not in body
        and not body.endswith((">", ")"))
        and "(" not in body
        and len(body) > _LONGEST
    ):
        if "maps.google.com/?q=" not in body:
            return _text(body)
    elif edited := _without_edit(body):
        said = _read(edited, files)
        return Body(said.kind, said.text, said.content, said.filename, is_edited=True)
    return _read(body, files)


def _text(text: str) -> Body:
    return Body("text", text, {"body": text})


def _without_edit(body: str) -> str:
    """Return the body before a note that it was edited; "" if there is none."""
    if not body.endswith((">", ">\u200e")):
        return ""
    if match := _MARKED_END.search(body):
        before = body[: match.start()]
        return before if before.strip(_STRIP) else ""
    at = body.rfind("<")
    return body[:at].rstrip(_STRIP) if at > 0 and _key(body[at:]) in _EDITED else ""


def _read(body: str, files: Container[str]) -> Body:
    if len(body) <= _LONGEST:
        key = _key(body)
        if key in _DELETED:
            return Body("text", "", {"body": ""}, is_deleted=True)
        if kind := _LEFT_OUT.get(key):
            return Body(kind, "", {})
    if found := _file_of(body, files):
        return _with_file(*found)
    if "maps.google.com" in body and (match := _PLACE.match(body)):
        place = {"latitude": float(match[1]), "longitude": float(match[2])}
        return Body("location", f"{match[1]}, {match[2]}", place)
    if (left := _left_out_with_words(body)) is not None:
        return left
    return _text(body.lstrip(LRM) if body.startswith(LRM) else body)


def _file_of(body: str, files: Container[str]) -> tuple[str, str] | None:
    """Return file name and caption, or None."""
    if "<" in body and (match := _NAMED.search(body)):
        return match[1].strip(_STRIP), (body[: match.start()] + body[match.end() :]).strip(
            _STRIP + "\n"
        )
    match = _BRACKETED.match(body) if "(" in body else None
    if match:
        name = match[1].strip(_STRIP)
        if _key(match[2]) in _ATTACHED or _PHONE_NAME.match(name) or name in files:
            return name, body[match.end() :].strip(_STRIP + "\n")
    return None


def _with_file(name: str, caption: str) -> Body:
    kind = kind_of(name)
    if kind == "contacts":
        card = name.rpartition(".")[0]
        return Body(kind, card, {"contacts": [{"name": {"formatted_name": card}}]}, name)
    content = {"filename": name} if kind == "document" else {}
    if caption:
        content["caption"] = caption
    return Body(kind, caption or content.get("filename", ""), content, name)


def kind_of(name: str) -> str:
    """Return the kind of message that carries a file of this name."""
    return _KIND_OF.get(name.rpartition(".")[2].lower(), "document")


def _left_out_with_words(body: str) -> Body | None:
    """iOS: `report.pdf • 3 pages <LRM>document omitted`; Android: `<Media omitted>` and a caption
    below.
    """
    if LRM in body:
        before, _, last = body.rpartition(LRM)
        if (kind := _LEFT_OUT.get(_key(last))) and before.strip(_STRIP):
            words = before.strip(_STRIP + "\n")
            content = {"filename": words} if kind == "document" else {"caption": words}
            return Body(kind, words, content)
    first, _, rest = body.partition("\n")
    if rest and (kind := _LEFT_OUT.get(_key(first))) and kind == "media_placeholder":
        return Body(kind, rest, {"caption": rest})
    return None

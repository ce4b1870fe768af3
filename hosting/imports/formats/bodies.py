"""Bodies of messages in an exported chat: text, files, locations, deleted messages."""

import re
from collections.abc import Container
from dataclasses import dataclass
from typing import Any

from hosting.imports.formats.headers import MARKS
from hosting.imports.formats.phrases import ATTACHED, DELETED, EDITED, OMITTED
from hosting.imports.formats.repetition import NOTHING, Learned

LRM = "\u200e"
_STRIP = f"{MARKS} \u00a0\u202f\t"
_HIDDEN = re.compile(f"[{MARKS}]")
_M = f"[{MARKS}]*"
_NAME = r"[^<>/\\\n]{1,200}?"
# `<attached: name.ext>`; without an ending, a mark before it says that it is a file.
_NAMED = re.compile(
    rf"(?P<mark>{LRM})?<{_M}[^<>:：\n]{{1,40}}[:：][{MARKS} \u00a0\u202f]*"
    rf"(?P<name>{_NAME}(?P<ending>\.\w{{1,5}})?){_M}>"
)
# `name.ext (words)`, and `name.ext <words>` of old iOS.
_BRACKETED = re.compile(
    rf"(?P<mark>{_M})(?P<name>{_NAME}(?P<ending>\.\w{{0,5}})?){_M} "
    rf"(?:\((?P<round>[^()\n]{{3,40}})\)|<(?P<sharp>{_M}[^<>:：\n]{{3,40}})>){_M}(?:\n|$)"
)
# File names as phones make them; words in brackets after one say that it is attached.
_PHONE_NAME = re.compile(
    r"(?:IMG|VID|AUD|PTT|DOC|STK|GIF)-\d{8}-WA\d{4,}(?:\.\w{0,5})?$"
    r"|\d{8}-[A-Z]+-\d{4}-[\d-]+\.\w{1,5}$|\d{4}-\d\d-\d\d-[A-Z]+-\d+\.\w{1,5}$"
)
_PLACE = re.compile(
    rf"^{_M}[^:\n]{{1,40}}: ?https?://(?:www\.)?maps\.google\.com/\?q="
    r"(-?\d{1,3}(?:\.\d+)?),(-?\d{1,3}(?:\.\d+)?)$"
)
_MARKED_END = re.compile(rf"[ \n]?{LRM}<[^<>:：\n]{{5,60}}>$")
_ANGLES = re.compile(rf"{_M}<([^<>:：/=\n]{{3,60}})>{_M}$")
_PAGES = re.compile(r"(.{1,200}\.\w{1,5}) •")
MAX_PHRASE = 60


def _key(text: str) -> str:
    return _HIDDEN.sub("", text).strip().rstrip(".。").replace(".>", ">").casefold()


_LEFT_OUT = {_key(phrase): kind for kind, phrases in OMITTED.items() for phrase in phrases}
_DELETED = frozenset(map(_key, DELETED))
_EDITED = frozenset(map(_key, EDITED))
_ATTACHED = frozenset(map(_key, ATTACHED))
_LONGEST = max(map(len, (*_LEFT_OUT, *_DELETED))) + 4
KINDS = {
    "image": ("jpg", "jpeg", "png", "heic", "heif", "avif"),
    "sticker": ("webp", "was"),
    "video": ("mp4", "3gp", "mov", "gif", "mkv", "webm"),
    "audio": ("opus", "ogg", "m4a", "mp3", "aac", "amr", "wav"),
    "contacts": ("vcf",),
}
_KIND_OF = {ending: kind for kind, endings in KINDS.items() for ending in endings}
_KIND_OF_PREFIX = {
    "IMG": "image", "VID": "video", "GIF": "video", "AUD": "audio", "PTT": "audio",
    "STK": "sticker",
}  # fmt: skip


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


def read_body(
    body: str,
    files: Container[str] = frozenset(),
    *,
    is_marked: bool = False,
    learned: Learned = NOTHING,
) -> Body:
    """Parse a body; `files` are the names of files beside the chat.

    `is_marked`: the header has the mark of an attachment (iOS), whatever the words are.
    """
    if (
        LRM not in body
        and not body.endswith((">", ")"))
        and not body.startswith("<")
        and "(" not in body
        and len(body) > _LONGEST
    ):
        if "maps.google.com/?q=" not in body:
            return _text(body)
    elif edited := _without_edit(body):
        said = _read(edited, files, learned, is_marked=is_marked)
        return Body(said.kind, said.text, said.content, said.filename, is_edited=True)
    return _read(body, files, learned, is_marked=is_marked)


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


def _read(body: str, files: Container[str], learned: Learned, *, is_marked: bool) -> Body:
    if len(body) <= _LONGEST:
        key = _key(body)
        if key in _DELETED:
            return Body("text", "", {"body": ""}, is_deleted=True)
        if kind := _LEFT_OUT.get(key):
            return Body(kind, "", {})
    if found := _file_of(body, files, learned):
        return _with_file(*found)
    if "maps.google.com" in body and (match := _PLACE.match(body)):
        place = {"latitude": float(match[1]), "longitude": float(match[2])}
        return Body("location", f"{match[1]}, {match[2]}", place)
    if (left := _left_out_with_words(body, learned)) is not None:
        return left
    if is_marked and (left := _left_out_by_mark(body)) is not None:
        return left
    return _text(body.lstrip(LRM) if body.startswith(LRM) else body)


def _file_of(body: str, files: Container[str], learned: Learned) -> tuple[str, str] | None:
    """Return file name and caption, or None."""
    if "<" in body:
        for named in _NAMED.finditer(body):
            if named["mark"] or named["ending"]:
                words = body[: named.start()] + body[named.end() :]
                return named["name"].strip(_STRIP), words.strip(_STRIP + "\n")
    match = _BRACKETED.match(body) if " (" in body or " <" in body else None
    if match and _is_attached(match, files, learned):
        return match["name"].strip(_STRIP), body[match.end() :].strip(_STRIP + "\n")
    return None


def _is_attached(match: "re.Match[str]", files: Container[str], learned: Learned) -> bool:
    """Return whether words in brackets after a name say that it is a file."""
    name, words = match["name"].strip(_STRIP), match["round"] or match["sharp"]
    if _PHONE_NAME.match(name) or name in files:
        return True
    if match["ending"] is None:
        return False
    known = _key(words) in _ATTACHED or _key(words) in learned.attached
    return known or LRM in match["mark"] or words.startswith(LRM)


def attached_words(body: str) -> str:
    """Return the words in brackets after a name that a phone gave to a file; "" without."""
    match = _BRACKETED.match(body)
    if match and _PHONE_NAME.match(match["name"].strip(_STRIP)):
        return _key(match["round"] or match["sharp"])
    return ""


def left_out_words(body: str) -> str:
    """Return the words of `<words>` if there is nothing else in the body and they are several."""
    match = _ANGLES.match(body)
    words = match[1].strip(_STRIP) if match else ""
    # One word in angle brackets is a tag or a smile; some languages write no spaces.
    several = " " in words or (not words.isascii() and len(words) > 3)
    is_marked = bool(match) and LRM in body
    return _key(words) if (several or is_marked) and any(map(str.isalpha, words)) else ""


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
    _, dot, ending = name.rpartition(".")
    if dot and ending:
        return _KIND_OF.get(ending.lower(), "document")
    return _KIND_OF_PREFIX.get(name[:3], "document")


def _left_out_with_words(body: str, learned: Learned) -> Body | None:
    """iOS: `report.pdf • 3 pages <LRM>document omitted`; Android: `<Media omitted>` and a caption
    below.
    """
    if LRM in body:
        before, _, last = body.rpartition(LRM)
        if (kind := _LEFT_OUT.get(_key(last))) and before.strip(_STRIP):
            return _left_out(kind, before.strip(_STRIP + "\n"))
    first, _, rest = body.partition("\n")
    if first.lstrip(_STRIP).startswith("<"):
        words = left_out_words(first)
        kind = _LEFT_OUT.get(_key(first)) or (_LEFT_OUT.get(words) if LRM in first else None)
        is_sure = LRM in first or words in learned.left_out or not words.isascii()
        if kind or (words and is_sure):
            return _left_out(kind or "media_placeholder", rest.strip("\n"))
    return None


def _left_out(kind: str, words: str) -> Body:
    if not words:
        return Body(kind, "", {})
    return Body(kind, words, {"filename": words} if kind == "document" else {"caption": words})


def _left_out_by_mark(body: str) -> Body | None:
    """iOS: a body whose header is marked is an attachment that was left out, in any language."""
    before, mark, last = body.rpartition(LRM)
    is_poll = body.startswith(LRM) and "\n" in body.strip("\n")
    if not mark or is_poll or "\n" in last.strip() or len(last) > MAX_PHRASE:
        return None
    if not last.strip() or last.rstrip().endswith((":", ">")) or "://" in last:
        return None
    words = before.strip(_STRIP + "\n")
    return _left_out("document" if _PAGES.match(words) else "media_placeholder", words)

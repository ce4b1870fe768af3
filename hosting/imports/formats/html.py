"""A conversation as one HTML page that is printable and loads nothing."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.utils import formats
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from hosting.templatetags.chat import formatted

# Disables scripts, frames and foreign URLs, in case a text were not escaped.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data: file:; media-src "
    "'self' data: file:"
)
STYLE = """
:root{color-scheme:light dark;--paper:#efeae2;--in:#fff;--out:#d9fdd3;--ink:#111b21;--soft:#667781;
--line:#d1d7db}
@media (prefers-color-scheme:dark){:root{--paper:#0b141a;--in:#202c33;--out:#005c4b;--ink:#e9edef;
--soft:#a7b4bb;--line:#2a3942}}
*{box-sizing:border-box}body{margin:0;font:15px/1.45 system-ui,sans-serif;background:var(--paper);
color:var(--ink)}
header{padding:1rem 1.25rem;background:var(--in);border-bottom:1px solid var(--line)}h1{margin:0;
font-size:1.2rem}
header p{margin:.2rem 0 0;color:var(--soft)}main{max-width:52rem;margin:0 auto;padding:1rem;
display:flow-root}
.day{text-align:center;margin:1rem 0 .6rem}.day span{background:var(--in);border-radius:8px;
padding:.2rem .7rem;color:var(--soft);font-size:.8rem}
.m{display:table;max-width:80%;margin:.25rem auto .25rem 0;padding:.4rem .6rem .25rem;
border-radius:8px;background:var(--in);overflow-wrap:anywhere;break-inside:avoid}
.out{margin:.25rem 0 .25rem auto;background:var(--out)}.system{margin:.25rem auto;background:none;
color:var(--soft);font-size:.85rem;text-align:center}
.said{white-space:pre-wrap}.who{font-weight:600;font-size:.85rem}
.quote{border-left:3px solid var(--soft);padding-left:.5rem;color:var(--soft);font-size:.85rem}
.kind{color:var(--soft);font-style:italic}time{display:block;text-align:right;font-size:.7rem;
color:var(--soft)}a{color:inherit}
img,video{display:block;max-width:100%;max-height:24rem;border-radius:6px}blockquote{margin:0;
padding-left:.5rem;border-left:3px solid var(--soft)}
li{margin:.3rem 0}@media print{body{background:#fff;color:#000;font-size:11pt}
.m{border:1px solid #bbb;max-width:90%}a{text-decoration:none}}
"""
NAMES = {
    "image": "Photo",
    "video": "Video",
    "audio": "Audio",
    "sticker": "Sticker",
    "document": "Document",
    "location": "Location",
    "contacts": "Contact card",
    "order": "Order",
    "reaction": "Reaction",
    "media_placeholder": "File, not part of the export",
}
STATUS_MARKS = {
    "accepted": "◷",
    "sent": "✓",
    "delivered": "✓✓",
    "read": "✓✓ read",
    "failed": "✗ failed",
}


def page_head(title: str, subtitle: str) -> str:
    """Return the HTML before the first message."""
    return format_html(
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        '<meta http-equiv="Content-Security-Policy" content="{}">'
        "<title>{}</title><style>{}</style></head>\n"
        '<body><header><h1 dir="auto">{}</h1><p dir="auto">{}</p></header><main>\n',
        POLICY,
        title,
        # Escaped, or made of our own tags alone.
        mark_safe(STYLE),  # noqa: S308  # nosec B308 B703
        title,
        subtitle,
    )


def page_foot() -> str:
    """Return the HTML after the last message."""
    return "</main></body></html>\n"


def day(of: date) -> str:
    """Return the separator between two days."""
    return format_html(
        '<div class="day"><span>{}</span></div>\n', formats.date_format(of, "l, j F Y")
    )


def message(record: Mapping[str, Any], *, at: datetime, link: str, quoted: str | None) -> str:
    """Return one message; `at` is its local time, `link` its file's URL, `quoted` a quoted text."""
    out = record["direction"] == "out"
    css = "m system" if record["kind"] == "system" else "m out" if out else "m"
    sender = record["content"].get("imported_sender") or (record["author"] if out else "")
    parts = [
        format_html('<div class="who" dir="auto">{}</div>', sender)
        if isinstance(sender, str) and sender
        else "",
        format_html('<div class="quote" dir="auto">{}</div>', quoted[:300])
        if quoted is not None
        else "",
        _file(record, link),
        _words(record),
    ]
    tick = f" {STATUS_MARKS[record['status']]}" if out else ""
    edited = " · edited" if record["edited_at"] else ""
    return format_html(
        '<article class="{}">{}<time datetime="{}">{}{}{}</time></article>\n',
        css,
        # Escaped, or made of our own tags alone.
        mark_safe("".join(parts)),  # noqa: S308  # nosec B308 B703
        at.isoformat(),
        f"{at:%H:%M}",
        edited,
        tick,
    )


def _words(record: Mapping[str, Any]) -> SafeString | str:
    if record["revoked_at"] and not record["text"]:
        return format_html('<div class="kind">{}</div>', "This message was deleted")
    name = NAMES.get(record["kind"])
    kind = format_html('<div class="kind">{}</div>', name) if name and not record["media"] else ""
    if not record["text"]:
        return kind or format_html('<div class="kind">{}</div>', f"[{record['kind']}]")
    said = format_html('<div class="said" dir="auto">{}</div>', formatted(record["text"]))
    # Escaped, or made of our own tags alone.
    return mark_safe(kind + said)  # noqa: S308  # nosec B308 B703


def _file(record: Mapping[str, Any], link: str) -> SafeString | str:
    media = record["media"]
    if not media:
        return ""
    if not link:
        return format_html(
            '<div class="kind">{} {}</div>', NAMES.get(record["kind"], ""), media["filename"]
        )
    if media["mime_type"].startswith("image/"):
        return format_html('<a href="{}"><img src="{}" alt="Photo" loading="lazy"></a>', link, link)
    if media["mime_type"].startswith(("video/", "audio/")):
        # Escaped, or made of our own tags alone.
        tag = mark_safe(media["mime_type"][:5])  # noqa: S308  # nosec B308 B703
        return format_html('<{} src="{}" controls preload="none"></{}>', tag, link, tag)
    return format_html('<a href="{}" download>{}</a>', link, media["filename"] or "Document")


def index(title: str, subtitle: str, chats: list[tuple[str, str, int]]) -> str:
    """Return the page that lists conversations by (file name, title, messages)."""
    rows = (
        format_html(
            '<li><a href="{}" dir="auto">{}</a> <small>{} messages</small></li>\n',
            name,
            words,
            f"{count:,}",
        )
        for name, words, count in chats
    )
    return f"{page_head(title, subtitle)}<ul>\n{''.join(rows)}</ul>\n{page_foot()}"

"""Template tags of every page: icons, avatars, device names, query strings."""

import zlib
from functools import lru_cache
from typing import Any

from django import template
from django.http import HttpRequest
from django.template.defaultfilters import truncatechars
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from ua_parser import parse

register = template.Library()

HUES = 8


@register.simple_tag
@lru_cache(maxsize=500)
def icon(name: str, css: str = "") -> SafeString:
    """An icon of static/icons.svg; hidden from screen readers, since text stands beside it."""
    sprite = static("icons.svg")
    return format_html(
        '<svg class="icon {}" aria-hidden="true" focusable="false"><use href="{}#{}"/></svg>',
        css,
        sprite,
        name,
    )


@register.filter
def initials(name: object) -> str:
    """One or two letters for an avatar; `#` for a bare phone number."""
    words = [word for word in str(name).split() if word[0].isalpha()]
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper() or "#"


@register.filter
def hue(name: object) -> int:
    """A colour number from 0 to 7: the chosen one of a label, else one that depends on the name."""
    chosen = getattr(name, "colour", None)
    return chosen if chosen is not None else zlib.crc32(str(name).encode()) % HUES


@register.filter
def device(user_agent: str) -> str:
    """Browser and system of a User-Agent header, such as `Firefox · Windows 10`.

    The first 40 characters of the header where neither is recognised.
    """
    found = parse(user_agent)
    browser = found.user_agent.family if found.user_agent else ""
    system = " ".join(filter(None, (found.os.family, found.os.major))) if found.os else ""
    return (
        " · ".join(filter(None, (browser, system)))
        or truncatechars(user_agent, 40)
        or gettext("Unknown device")
    )


@register.simple_tag(takes_context=True)
def query(context: dict[str, Any], **changes: object) -> str:
    """The query string of the page with some parameters set; empty values remove them."""
    request: HttpRequest = context["request"]
    parameters = request.GET.copy()
    for name, value in changes.items():
        parameters.pop(name, None)
        if value not in (None, ""):
            parameters[name] = str(value)
    return f"?{parameters.urlencode()}"

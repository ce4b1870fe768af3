"""What a mail says: rendered from templates as it is written, so that it says what was true
then.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.template import TemplateDoesNotExist
from django.template.loader import render_to_string

LONGEST_SUBJECT = 200


@dataclass(frozen=True, slots=True)
class Content:
    """Subject, text and HTML (empty: none) of a mail; `kind` is the sort of occasion."""

    kind: str
    subject: str
    text: str
    html: str = ""


def render(kind: str, context: Mapping[str, Any]) -> Content:
    """Content from `emails/<kind>_subject.txt`, `emails/<kind>.txt` and, if it is there, `.html`.

    Templates also know `base_url`. Raises TemplateDoesNotExist for an unknown kind.
    """
    known = {**context, "base_url": settings.BASE_URL}
    subject = render_to_string(f"emails/{kind}_subject.txt", known)
    text = render_to_string(f"emails/{kind}.txt", known)
    return Content(kind, one_line(subject), f"{text.strip()}\n", _html(kind, known))


def _html(kind: str, context: dict[str, Any]) -> str:
    try:
        return render_to_string(f"emails/{kind}.html", context)
    except TemplateDoesNotExist:
        return ""


def one_line(subject: str) -> str:
    """A subject as one line of printable characters.

    A name with a line break in it must neither become a header nor keep the mail from being sent.
    """
    plain = "".join(char for char in " ".join(subject.split()) if char.isprintable())
    return plain[:LONGEST_SUBJECT]

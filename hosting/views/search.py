"""The search page: every message of the business by words and filters, all of it in the address."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.access import BusinessRequest, member_page
from accounts.models import Business, Role
from core.errors import BadInput
from core.paging import cursor_of, read_cursor
from hosting.conversations.entries import KNOWN_KINDS
from hosting.models import Contact, Direction, Message, Number
from hosting.search.engine import Found, TooBroad, search
from hosting.search.filters import search_filters

ORDER = ("-created_at", "-id")
PAGE = 25
NARROWING = ("number", "contact", "direction", "kind", "since", "until")
PEOPLE = 5


@dataclass(frozen=True)
class Answer:
    """What the page shows: hits, or why there are none."""

    found: Found | None = None
    error: str = ""

    @property
    def next(self) -> str:
        """Cursor of the page below; empty on the last."""
        if self.found is None or self.found.next is None:
            return ""
        at, pk = self.found.next
        return cursor_of(Message(created_at=at, pk=pk), ORDER)


@require_GET
@member_page(Role.OWNER, Role.AGENT, Role.VIEWER)
def page(request: BusinessRequest) -> HttpResponse:
    """Messages that match, newest first, and the customers whose name or number does."""
    words = request.GET.get("q", "").strip()[:200]
    asked = {name: request.GET.get(name, "").strip() for name in NARROWING}
    answer = Answer()
    if words or any(asked.values()):
        answer = _answer(request.business, words, asked, request.GET.get("after", ""))
    context: dict[str, Any] = {
        "words": words,
        "asked": asked,
        "narrowed": any(asked.values()),
        "answer": answer,
        "people": _people(request.business, words)
        if words and not request.GET.get("after")
        else [],
        "numbers": Number.objects.filter(business=request.business).order_by("id")[:100],
        "directions": Direction.choices,
        "kinds": sorted(KNOWN_KINDS),
        "chats": request.membership.role != Role.VIEWER,
        "now": request.business.now(),
    }
    fragment = request.htmx and request.GET.get("after")
    return render(request, "hosting/_hits.html" if fragment else "hosting/search.html", context)


def _answer(business: Business, words: str, asked: dict[str, str], after: str) -> Answer:
    try:
        below = read_cursor(after, Message.objects.all(), ORDER) if after else None
    except ValueError:
        below = None
    try:
        filters = search_filters(business, asked)
        place = (below[0], below[1]) if below else None
        return Answer(
            search(business=business, words=words, filters=filters, below=place, limit=PAGE)
        )
    except (BadInput, TooBroad) as refusal:
        return Answer(error=refusal.message)


def _people(business: Business, words: str) -> list[Contact]:
    """The first customers whose name holds all words, or whose number begins with the digits."""
    found = Contact.objects.called(words.replace('"', "").replace("*", "")).filter(
        business=business
    )
    return list(found.order_by("name", "id")[:PEOPLE])

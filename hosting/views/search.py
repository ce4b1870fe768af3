"""The search page: messages and customers, with words and filters in the query string."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.access import BusinessRequest, member_page
from accounts.models import AGENTS, Business, Role
from core.errors import BadInput
from core.paging import cursor_of, read_cursor
from hosting.conversations.entries import KNOWN_KINDS
from hosting.models import Contact, Direction, Message, Number
from hosting.search.engine import Found, TooBroad, search
from hosting.search.filters import search_filters

ORDER = ("-created_at", "-id")
PAGE = 25
FILTER_NAMES = ("number", "contact", "direction", "kind", "since", "until")
MAX_CUSTOMERS = 5


@dataclass(frozen=True)
class SearchResult:
    """A page of hits, or an error."""

    found: Found | None = None
    error: str = ""

    @property
    def next(self) -> str:
        """The cursor of the next page; "" on the last."""
        if self.found is None or self.found.next is None:
            return ""
        at, pk = self.found.next
        return cursor_of(Message(created_at=at, pk=pk), ORDER)


@require_GET
@member_page(*AGENTS, Role.VIEWER)
def page(request: BusinessRequest) -> HttpResponse:
    """Messages that match, newest first, and customers whose name or number matches."""
    words = request.GET.get("q", "").strip()[:200]
    asked = {name: request.GET.get(name, "").strip() for name in FILTER_NAMES}
    answer = SearchResult()
    if words or any(asked.values()):
        answer = _search(request.business, words, asked, request.GET.get("after", ""))
    context: dict[str, Any] = {
        "words": words,
        "asked": asked,
        "narrowed": any(asked.values()),
        "answer": answer,
        "people": _customers(request.business, words)
        if words and not request.GET.get("after")
        else [],
        "numbers": Number.objects.filter(business=request.business).order_by("id")[:100],
        "directions": Direction.choices,
        "kinds": sorted(KNOWN_KINDS),
        "chats": request.membership.role != Role.VIEWER,
        "now": request.business.now(),
    }
    fragment = request.htmx and request.GET.get("after")
    return render(
        request, "hosting/search/_hits.html" if fragment else "hosting/search/search.html", context
    )


def _search(business: Business, words: str, asked: dict[str, str], after: str) -> SearchResult:
    try:
        below = read_cursor(after, Message.objects.all(), ORDER) if after else None
    except ValueError:
        below = None
    try:
        filters = search_filters(business, asked)
        place = (below[0], below[1]) if below else None
        return SearchResult(
            search(business=business, words=words, filters=filters, below=place, limit=PAGE)
        )
    except (BadInput, TooBroad) as refusal:
        return SearchResult(error=refusal.message)


def _customers(business: Business, words: str) -> list[Contact]:
    """Return the first customers whose name contains all words or whose number begins with them."""
    found = Contact.objects.called(words.replace('"', "").replace("*", "")).filter(
        business=business
    )
    return list(found.order_by("name", "id")[:MAX_CUSTOMERS])

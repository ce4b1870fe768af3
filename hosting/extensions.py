"""What apps above hosting add to it, without hosting knowing them: each registers a callable in its
`ready()`.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.db.models.expressions import Combinable

    from accounts.models import Business
    from hosting.models import Account, Conversation, Message


@dataclass(frozen=True)
class MessageNote:
    """A few words about one message shown beside it, such as its price, with a link that explains
    them.
    """

    text: str
    title: str = ""
    url: str = ""
    place: str = ""  # where the message counts as going


@dataclass(frozen=True)
class ProductCard:
    """A product as a bubble shows it: its name, prices as people read them, addresses of its
    picture and page.
    """

    name: str
    price: str = ""
    was: str = ""  # the regular price, where it is on sale
    picture: str = ""
    url: str = ""


@dataclass(frozen=True)
class Tool:
    """One more button of the composer or of the simulated phone: title, icon, and the name of the
    address it opens.
    """

    title: str
    icon: str
    url_name: str


# (business id, retailer ids) -> card per retailer id that it knows; one query for the whole page.
ProductCards = Callable[[int, Collection[str]], dict[str, ProductCard]]
# (business id, message ids) -> note per message id; one query for the whole page.
MessageNotes = Callable[[int, Iterable[int]], dict[int, MessageNote]]
# Called in the sending transaction just before a message is written; refuses by raising a
# ParleyError.
SendCheck = Callable[["Message"], None]

# (message, the Cloud API's object) -> the same as the upstream knows it; across businesses, just
# before it leaves.
UpstreamContent = Callable[["Message", dict[str, Any]], dict[str, Any]]

# Pairs of (business id, the upstream's id of a catalogue) -> our id of it, for those that are kept
# here; across businesses.
CatalogIds = Callable[[Collection[tuple[int, str]]], dict[tuple[int, str], str]]

# (account, parameters as lists of text) -> JSON object: an analytics field and edge of the Cloud
# API's account node.
AccountEdge = Callable[["Account", Mapping[str, tuple[str, ...]]], dict[str, Any]]

# An expression over messages: what one cost, in millionths of the business's currency; NULL where
# it was not charged.
MessageCost = Callable[[], "Combinable"]

# Called in the transaction that forgets a customer, across businesses: removes what the app keeps
# of this person.
Eraser = Callable[["Person"], None]

# (business, category, how many messages by the first digits of the customers' numbers) ->
# (template, its variables): what a page says about messages before they are sent, such as their
# price. Within the business's scope.
Forecast = Callable[["Business", str, Mapping[str, int]], tuple[str, dict[str, Any]]]

# (conversation) -> a note by category: what a message to this customer would cost now. Within the
# business's scope.
Quotes = Callable[["Conversation"], dict[str, MessageNote]]

forecasts: list[Forecast] = []
quotes: list[Quotes] = []
message_notes: list[MessageNotes] = []
erasers: list[Eraser] = []
send_checks: list[SendCheck] = []
upstream_contents: list[UpstreamContent] = []
catalog_ids: list[CatalogIds] = []
account_edges: dict[str, AccountEdge] = {}
message_costs: list[MessageCost] = []
product_cards: list[ProductCards] = []
# Addresses of the composer's tools take the conversation's public id, those of the phone its id and
# the number's.
composer_tools: list[Tool] = []
phone_tools: list[Tool] = []


@dataclass(frozen=True)
class Person:
    """A customer who is being forgotten: all that could name them."""

    business_id: int
    contact_id: int
    conversation_ids: tuple[int, ...]
    numbers: tuple[str, ...]  # digits, those they had before too
    user_ids: tuple[str, ...]
    names: tuple[str, ...]


def notes_for(business_id: int, message_ids: Iterable[int]) -> dict[int, list[MessageNote]]:
    """All notes about some messages of one business, by message id."""
    ids = list(message_ids)
    notes: dict[int, list[MessageNote]] = {}
    for source in message_notes:
        for message_id, note in source(business_id, ids).items():
            notes.setdefault(message_id, []).append(note)
    return notes


def cards_for(business_id: int, retailer_ids: Collection[str]) -> dict[str, ProductCard]:
    """Cards of the products of one business, by retailer id; no query where none is asked for."""
    cards: dict[str, ProductCard] = {}
    if retailer_ids:
        for source in product_cards:
            cards |= source(business_id, retailer_ids)
    return cards


def own_catalog_ids(named: Collection[tuple[int, str]]) -> dict[tuple[int, str], str]:
    """Our ids of catalogues that upstreams have named, by business and the upstream's id; no query
    where none is named.
    """
    found: dict[tuple[int, str], str] = {}
    if named:
        for source in catalog_ids:
            found |= source(named)
    return found


def quotes_for(conversation: "Conversation") -> dict[str, MessageNote]:
    """What a message of each category to this customer would cost now; empty where nobody knows."""
    return {category: note for source in quotes for category, note in source(conversation).items()}

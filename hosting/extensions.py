"""Extension points of hosting: registries that the apps above it fill in their `ready()`."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.registry import Registry

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


# (account, parameters as lists of text) -> JSON object
AccountAnswer = Callable[["Account", Mapping[str, tuple[str, ...]]], dict[str, Any]]


@dataclass(frozen=True)
class AccountEdge:
    """An analytics field and edge of the Cloud API's account node, and what answers it."""

    name: str
    answer: AccountAnswer


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

forecasts: Registry[Forecast] = Registry(
    "hosting.extensions.forecasts", "What a page says about messages before they are sent."
)
quotes: Registry[Quotes] = Registry(
    "hosting.extensions.quotes", "What a message to a customer would cost now, by category."
)
message_notes: Registry[MessageNotes] = Registry(
    "hosting.extensions.message_notes", "Notes shown beside messages, such as their price."
)
erasers: Registry[Eraser] = Registry(
    "hosting.extensions.erasers", "Functions that erase what an app stores about a customer."
)
send_checks: Registry[SendCheck] = Registry(
    "hosting.extensions.send_checks", "Functions that may refuse a message before it is written."
)
upstream_contents: Registry[UpstreamContent] = Registry(
    "hosting.extensions.upstream_contents",
    "Functions that translate our ids in a message to those of the upstream.",
)
catalog_ids: Registry[CatalogIds] = Registry(
    "hosting.extensions.catalog_ids",
    "Functions that translate the upstream's ids of catalogues to ours.",
)
account_edges: Registry[AccountEdge] = Registry(
    "hosting.extensions.account_edges",
    "Analytics fields and edges of the Cloud API's account node.",
    key=lambda edge: edge.name,
)
message_costs: Registry[MessageCost] = Registry(
    "hosting.extensions.message_costs", "Expressions over messages for what each of them cost."
)
product_cards: Registry[ProductCards] = Registry(
    "hosting.extensions.product_cards",
    "Functions that return products as message bubbles show them.",
)
# Addresses of these tools take the conversation's public id.
composer_tools: Registry[Tool] = Registry(
    "hosting.extensions.composer_tools", "Further buttons of the composer in the inbox."
)
# Addresses of these tools take the phone's id and the number's.
phone_tools: Registry[Tool] = Registry(
    "hosting.extensions.phone_tools", "Further buttons of the simulated phone."
)


@dataclass(frozen=True)
class Person:
    """A customer who is being forgotten: all that could name them."""

    business_id: int
    contact_id: int
    conversation_ids: tuple[int, ...]
    numbers: tuple[str, ...]  # digits, those they had before too
    user_ids: tuple[str, ...]
    names: tuple[str, ...]


def checks_only(*, kinds: Collection[str] | None = None) -> Callable[[SendCheck], SendCheck]:
    """Decorate a send check that need not see every text and template.

    With `kinds` it sees messages of these kinds only. Without, the SQL function
    `hosting_checks_sends`, which its app replaces, says for which businesses it is needed.
    """

    def mark(check: SendCheck) -> SendCheck:
        check.only_kinds = kinds or ()  # type: ignore[attr-defined]
        return check

    return mark


def concerns(check: SendCheck, kind: str) -> bool:
    """Whether a send check has to see messages of this kind, whoever sends them."""
    only: Collection[str] | None = getattr(check, "only_kinds", None)
    return only is None or kind in only


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

"""What a webhook body brings, as dataclasses."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple


class OtherUpdate(NamedTuple):
    """A change of a webhook that is not of the field `messages`.

    `account` and `phone_number_id` are as the body names them; the second is "" without one.
    """

    account: str
    field: str
    value: dict[str, Any]
    phone_number_id: str


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """A customer's message; `at` is None if the webhook had no usable time.

    `upstream_media_id` is the network's id of a file still to be fetched, whose id in `content` is
    ours. `network_wa_id` is the sender's number as the network writes it, where that is another
    form of `wa_id`. What was written to a group has the group's id as `wa_id`, and its sender in
    `author` and `author_name`. `field` is the webhook field that told of it. Only what was written
    to the business alone opens a window (`opens_window`).
    """

    phone_number_id: str
    wamid: str
    wa_id: str
    user_id: str
    name: str
    username: str
    kind: str
    content: dict[str, Any]
    text: str
    context_wamid: str
    at: datetime | None
    is_referred: bool = False
    upstream_media_id: str = ""
    network_wa_id: str = ""
    author: str = ""
    author_name: str = ""
    field: str = "messages"
    opens_window: bool = True


@dataclass(frozen=True, slots=True)
class StatusUpdate:
    """A status of one outbound message, or of its payment (`payment`, the network's object)."""

    phone_number_id: str
    wamid: str
    status: str
    at: datetime | None
    errors: list[dict[str, Any]] | None
    tracker: str = ""
    recipient: str = ""
    price: "ReportedCost | None" = None
    payment: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ReportedCost:
    """What the network says that a message costs, in micro-units of a currency."""

    micros: int
    currency: str


@dataclass(slots=True)
class Updates:
    """The contents of one webhook body, in order.

    `messages` holds calls and events of groups too, which threads show; `other` the changes of all
    fields but `messages`, whole.
    """

    messages: list[InboundMessage] = field(default_factory=list)
    statuses: list[StatusUpdate] = field(default_factory=list)
    other: list[OtherUpdate] = field(default_factory=list)

    def updates_of_numbers(self) -> "list[InboundMessage | StatusUpdate | OtherUpdate]":
        """Return all updates that name a number."""
        named = [one for one in self.other if one.phone_number_id]
        return [*self.messages, *self.statuses, *named]

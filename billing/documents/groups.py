"""Lines of an invoice by fee, category and kind, with their sums, for pages and PDFs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from billing.documents import wording
from billing.models import LineKind

COUNTED = (LineKind.MESSAGES, LineKind.LATE)


class Grouped(Protocol):
    """What a line must have to be grouped; the amount is exact, in micro-units."""

    @property
    def kind(self) -> str: ...  # noqa: D102

    @property
    def category(self) -> str: ...  # noqa: D102

    @property
    def quantity(self) -> int: ...  # noqa: D102

    @property
    def amount_micros(self) -> int: ...  # noqa: D102


Line = TypeVar("Line", bound=Grouped)


@dataclass(frozen=True, slots=True)
class LineGroup(Generic[Line]):
    """Lines under one title in the active language."""

    title: str
    lines: Sequence[Line]

    @property
    def quantity(self) -> int | None:
        """Messages of all lines; None for fees, commitments and discounts."""
        if self.lines[0].kind not in COUNTED:
            return None
        return sum(line.quantity for line in self.lines)

    @property
    def amount_micros(self) -> int:
        """The exact sum."""
        return sum(line.amount_micros for line in self.lines)


def grouped(lines: Iterable[Line]) -> list[LineGroup[Line]]:
    """Groups in the order of their first lines."""
    by_title: dict[str, list[Line]] = {}
    for line in lines:
        by_title.setdefault(wording.group_title(line.kind, line.category), []).append(line)
    return [LineGroup(title, found) for title, found in by_title.items()]

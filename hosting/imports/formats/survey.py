"""The first reading of a whole chat: its day order, and what its repetitions say about it."""

from collections import Counter
from datetime import date

from hosting.imports.formats.bodies import LRM, attached_words, left_out_words
from hosting.imports.formats.calendars import DayOrderFinder
from hosting.imports.formats.headers import Header, Layout
from hosting.imports.formats.repetition import NOTHING, Learned
from hosting.imports.formats.senders import split, tight

MAX_KEPT = 5_000  # names and phrases that are counted


class Survey:
    """Collects what the headers and first lines of all messages say."""

    def __init__(self, layout: Layout, latest: date) -> None:
        self.layout = layout
        self.orders = DayOrderFinder(
            year_at=layout.kind.year_at,
            separator=layout.kind.separator,
            half=layout.half,
            is_bracketed=layout.kind.is_bracketed,
            latest=latest,
        )
        self._senders: Counter[str] = Counter()
        self._tight: Counter[str] = Counter()
        self._attached: Counter[str] = Counter()
        self._left_out: Counter[str] = Counter()
        self._marked = self._marked_plain = 0

    def see(self, header: Header, rest: str) -> None:
        """Add a message by its header and what follows it in the line."""
        self.orders.see(header.date, header.parts)
        sender, body = split(rest, NOTHING)
        if not sender:
            if name := tight(rest)[0]:
                _count(self._tight, name)
            return
        _count(self._senders, sender)
        if header.is_marked:
            self._marked += 1
            self._marked_plain += LRM not in body
        if body.endswith((")", ">", f"){LRM}", f">{LRM}")):
            if words := attached_words(body):
                _count(self._attached, words)
            elif words := left_out_words(body):
                _count(self._left_out, words)

    @property
    def learned(self) -> Learned:
        """What the messages seen so far say."""
        bracketed = self.layout.kind.is_bracketed
        return Learned(
            tight=frozenset(
                name
                for name, times in self._tight.items()
                if times > 1 or name in self._senders or (bracketed and len(name.split()) < 4)
            ),
            notices=frozenset(filter(self._is_notice, self._senders)),
            attached=frozenset(self._attached),
            left_out=frozenset(
                words for words, times in self._left_out.items() if times > 1 or not words.isascii()
            ),
            has_marks=self._marked_plain * 2 <= self._marked,
        )

    def _is_notice(self, name: str) -> bool:
        """Return whether a "name" is the begin of a line about a sender: `Ann changed X to: Y`."""
        if self._senders[name] > 1 or self.layout.has_notices:
            return False
        words = name.split(" ")
        return any(self._senders[" ".join(words[:end])] > 1 for end in range(1, len(words) - 2))


def _count(found: Counter[str], key: str) -> None:
    if key in found or len(found) < MAX_KEPT:
        found[key] += 1

"""Search queries: parsing what a reader types into terms, and finding terms in a text."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

MAX_QUERY = 200
MAX_TERMS = 12
INDEXED = 20_000  # characters of a text that search looks at, as in `hosting_search_tokens`
# A last word of this many bytes (fewer letters outside Latin script) matches as a prefix.
PREFIX_FROM = 3
# Ranges of scripts written without spaces between words.
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_ALONE = re.compile(f"[{UNSPACED}]")
_PIECE = re.compile(rf"[{UNSPACED}]+|[^\W_{UNSPACED}]+")
_TERM = re.compile(r'(-?)(?:"([^"]*)"?|(\S+))')
_PHONE = re.compile(r"\+?[0-9][0-9 ()./-]{5,}[0-9]")


@dataclass(frozen=True, slots=True)
class Term:
    """One term: adjacent words, the last perhaps a prefix, or words that must not occur."""

    words: str
    is_prefix: bool = False
    is_excluded: bool = False
    digits: str = ""  # of a phone number; found without its separators too


def terms_of(query: str) -> list[Term]:
    """Parse a query: words, "phrases", prefix* words, -excluded ones; a phone number is one term."""
    query = query.strip()[:MAX_QUERY]
    if _PHONE.fullmatch(query):
        digits = re.sub(r"[^0-9]", "", query)
        return [Term(query, is_prefix=True, digits=digits.removeprefix("00"))]
    found = [_term(*match.groups()) for match in _TERM.finditer(query)]
    terms = [term for term in found if _PIECE.search(term.words)][:MAX_TERMS]
    begun = terms[-1] if terms and query[-1:] not in ('"', "*") else None
    if (
        begun
        and not begun.is_excluded
        and len(begun.words.encode("utf-8", "replace")) >= PREFIX_FROM
    ):
        terms[-1] = Term(terms[-1].words, is_prefix=True)
    return terms


def _term(minus: str, phrase: str | None, word: str | None) -> Term:
    if phrase is not None:
        return Term(phrase, is_excluded=bool(minus))
    text = word or ""
    # A prefix of one letter would match too many words.
    return Term(
        text.rstrip("*"), is_prefix=text.endswith("*") and len(text) > 2, is_excluded=bool(minus)
    )


def query_of(term: Term, lexemes: Sequence[tuple[int, str]], *, whole: bool = False) -> str:
    """Return a term as tsquery text from its (position, lexeme) pairs as the database cut them.

    Returns "" for none. With `whole`, wanted words are matched exactly, not as prefixes.
    """
    begun = "" if whole and not term.is_excluded else ":*"
    kept = [one for n, one in enumerate(lexemes) if n == 0 or not _repeats(lexemes[n - 1], one)]
    if not kept:
        return ""
    parts = [_quoted(kept[0][1])]
    for (before, _), (place, lexeme) in pairwise(kept):
        parts += [f"<{place - before}>", _quoted(lexeme)]
    # A run's last character is indexed alone; asked for alone, it may begin any pair.
    if term.is_prefix or (len(kept[-1][1]) == 1 and _ALONE.match(kept[-1][1])):
        parts[-1] += begun
    text = f"({' '.join(parts)})"
    if term.digits:
        text = f"({text} | {_quoted(term.digits)}{begun})"
    return f"!{text}" if term.is_excluded else text


def _repeats(before: tuple[int, str], one: tuple[int, str]) -> bool:
    """Return whether a single character only repeats the end of the pair before it."""
    pair, lone = before[1], one[1]
    return (
        one[0] == before[0] + 1
        and len(lone) == 1
        and len(pair) == 2
        and pair[1] == lone
        and bool(_ALONE.match(lone))
    )


def _quoted(lexeme: str) -> str:
    return "'" + lexeme.replace("\\", "\\\\").replace("'", "''") + "'"


def folded(text: str) -> tuple[str, list[int]]:
    """Return the text in lower case without accents, and each character's original index."""
    out: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        plain = "".join(
            c for c in unicodedata.normalize("NFKD", character) if not "\u0300" <= c <= "\u036f"
        )
        for c in unicodedata.normalize("NFKC", plain).lower():
            out.append(c)
            places.append(place)
    return "".join(out), places


def patterns_of(terms: Sequence[Term]) -> list[str]:
    """Return regular expressions for folded text, one for each wanted term."""
    found = []
    for term in terms:
        pieces = _PIECE.findall(folded(term.words)[0])
        if term.is_excluded or not pieces:
            continue
        body = r"[\W_]*".join(map(re.escape, pieces))
        start = "" if _ALONE.match(pieces[0]) else r"(?<![^\W_])"
        end = "" if term.is_prefix or _ALONE.match(pieces[-1]) else r"(?![^\W_])"
        found.append(start + body + end)
        if term.digits:
            found.append(r"[ ()./-]*".join(term.digits))
    return found


def spans(text: str, terms: Sequence[Term]) -> list[tuple[int, int]]:
    """Return the (start, end) spans of the terms in a text, in order, not overlapping."""
    patterns = patterns_of(terms)
    if not patterns:
        return []
    plain, places = folded(text[:INDEXED])
    found = [
        (places[m.start()], places[m.end() - 1] + 1)
        for p in patterns
        for m in re.finditer(p, plain)
    ]
    merged: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged

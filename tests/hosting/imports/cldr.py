"""CLDR's words for the parts of a day, as the file that reads them in exported chats holds them.

`python -m tests.hosting.imports.cldr > hosting/imports/formats/day_periods.tsv` makes it anew.
"""

from babel import Locale
from babel.localedata import locale_identifiers

HALVES = {"am": ["0-12"], "pm": ["12-24"]}
WIDTHS = [(w, c) for w in ("narrow", "abbreviated", "wide") for c in ("stand-alone", "format")]


def _periods(locale: Locale) -> dict[str, list[str]]:
    """Return word -> its hours in a locale, as from-before; 20-4 goes over midnight."""
    rules = locale.day_period_rules.get(None, {})
    spans = {
        name: [f"{rule['from'] // 3600}-{rule['before'] // 3600}" for rule in found]
        for name, found in rules.items()
        if all("from" in rule for rule in found)
    }
    words: dict[str, list[str]] = {}
    halves: dict[str, list[str]] = {}
    for width, context in WIDTHS:
        for name, word in locale.day_periods[context][width].items():
            if len(word) == 1 and word.isascii():
                continue  # a and p are the same everywhere, n and mi are not
            if name in HALVES:
                halves[word] = HALVES[name]
            elif name in spans:
                words[word] = sorted({*words.get(word, []), *spans[name]})
    # Where a word is also that of a part of the day, the half is meant.
    return words | halves


def table() -> str:
    """Return the file: a line a locale, its name, then `word from-before` for each word."""
    lines, seen = [], set()
    for name in sorted(locale_identifiers(), key=lambda name: (name.count("_"), name)):
        words = _periods(Locale.parse(name))
        cells = "\t".join(f"{word} {','.join(spans)}" for word, spans in sorted(words.items()))
        if cells and cells not in seen:
            seen.add(cells)
            lines.append(f"{name}\t{cells}\n")
    return "".join(lines)


if __name__ == "__main__":
    print(table(), end="")

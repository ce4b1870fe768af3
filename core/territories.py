"""Countries by their name in the reader's language (Babel's CLDR)."""

from collections.abc import Iterable, Mapping

from babel import Locale

from accounts.templatetags.amounts import locale

# Codes of two letters that are no country: unions, and CLDR's own.
_NO_COUNTRIES = frozenset({"EU", "EZ", "UN", "QO", "XA", "XB", "ZZ"})


def countries(among: Iterable[str] = ()) -> list[tuple[str, str]]:
    """Code (ISO 3166-1 alpha-2) and name, in the order of the names; all there are, or `among` these codes."""
    wanted = frozenset(among)
    found = [
        (code, name)
        for code, name in _names().items()
        if len(code) == 2 and code not in _NO_COUNTRIES and (not wanted or code in wanted)
    ]
    return sorted(found, key=lambda pair: pair[1])


def country_name(code: str) -> str:
    """`Germany` for DE; the code itself where nobody knows it."""
    return str(_names().get(code, code))


def _names() -> Mapping[str, str]:
    return Locale.parse(locale()).territories

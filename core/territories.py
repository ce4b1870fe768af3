"""The reader's locale, and countries by their name in it (Babel's CLDR)."""

from collections.abc import Iterable, Mapping

from babel import Locale
from django.utils.translation import get_language, to_locale

# Two-letter codes that are not countries: unions of countries, and CLDR's own codes.
_NO_COUNTRIES = frozenset({"EU", "EZ", "UN", "QO", "XA", "XB", "ZZ"})


def locale() -> str:
    """Babel's name of the active language, such as `en_US` or `de`."""
    name = to_locale(get_language() or "en")
    return "en_US" if name == "en" else name


def countries(among: Iterable[str] = ()) -> list[tuple[str, str]]:
    """(code, name) of countries sorted by name: all, or only those whose code is in `among`.

    Codes are ISO 3166-1 alpha-2; names are in the active language.
    """
    wanted = frozenset(among)
    found = [
        (code, name)
        for code, name in _names().items()
        if len(code) == 2 and code not in _NO_COUNTRIES and (not wanted or code in wanted)
    ]
    return sorted(found, key=lambda pair: pair[1])


def country_name(code: str) -> str:
    """Name of a country in the active language (`Germany` for DE); the code where unknown."""
    return str(_names().get(code, code))


def _names() -> Mapping[str, str]:
    return Locale.parse(locale()).territories

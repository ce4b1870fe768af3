"""Phone numbers as people and spreadsheets write them: understood or refused, never stripped."""

import re
import unicodedata
from decimal import Decimal, InvalidOperation

import phonenumbers

from hosting.cloudapi.number_forms import one_form

MIN_DIGITS, MAX_DIGITS = 7, 15
MAX_LENGTH = 60
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\u061c\ufeff]")
# What stands around a number that a spreadsheet or a link has: ="4477…", '+44…, tel:+44…
_AROUND = re.compile(r"""^(?:=?["']|'|tel:)?(.*?)["']?$""", re.IGNORECASE | re.DOTALL)
_DASHES = re.compile("[\u2010-\u2015\u2212]")
_NUMBER = re.compile(r"\(?\+?[\d\s().\-/]+")
_EXPONENT = re.compile(r"(\d+(?:[.,]\d+)?)[eE]\+?(\d{1,2})")
_FRACTION = re.compile(rf"\+?(\d{{{MIN_DIGITS},}})[.,](\d+)")
_ONE = rf"\d[\d\s().\-]{{{MIN_DIGITS - 2},}}\d"
_TWO = re.compile(rf"{_ONE}\s*/\s*{_ONE}")
_ASSIGNED = frozenset(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)


class NoNumber(ValueError):
    """A text is no international phone number; `reason` is one of the words below."""

    EMPTY, SHORTENED, NATIONAL, OTHER = "empty", "shortened", "national", "other"

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


def digits_of_number(text: str) -> str:
    """Return the digits of an international phone number in their one form; raise NoNumber."""
    return one_form(written_digits(text))


def written_digits(text: str) -> str:
    """Return the digits of an international phone number as they are written, its country code
    first; raise NoNumber.

    A national prefix behind the country code, as in `+44 (0)7700 900109`, is left out; numbers that
    a spreadsheet has shortened, and several numbers in one, are refused.
    """
    if len(text) > MAX_LENGTH:
        raise NoNumber(NoNumber.OTHER)
    plain = _DASHES.sub("-", unicodedata.normalize("NFKC", _INVISIBLE.sub("", text))).strip()
    if match := _AROUND.match(plain):
        plain = match[1].strip()
    if not plain:
        raise NoNumber(NoNumber.EMPTY)
    plain = _without_decimals(plain)
    if not _NUMBER.fullmatch(plain) or _TWO.search(plain) or plain.startswith("-"):
        raise NoNumber(NoNumber.OTHER)
    digits = "".join(str(unicodedata.digit(letter)) for letter in plain if letter.isdigit())
    if digits.startswith("00"):
        digits = digits[2:]
    if digits.startswith("0"):
        raise NoNumber(NoNumber.NATIONAL)
    if not MIN_DIGITS <= len(digits) <= MAX_DIGITS + 1:
        raise NoNumber(NoNumber.OTHER)
    digits = _without_national_prefix(digits)
    if len(digits) > MAX_DIGITS:
        raise NoNumber(NoNumber.OTHER)
    return digits


def looks_like_a_number(text: str) -> bool:
    """Return whether a text was meant as a phone number, well written or not."""
    digits = sum(letter.isdigit() for letter in text)
    return bool(_EXPONENT.fullmatch(text.strip())) or (
        digits >= MIN_DIGITS - 1 and digits * 2 >= len(text.strip())
    )


def _without_decimals(plain: str) -> str:
    """Return the number that a spreadsheet wrote as `447700900109.0` or `4.47700900109E+11`."""
    if match := _EXPONENT.fullmatch(plain):
        mantissa = match[1].replace(",", ".")
        try:
            whole = Decimal(mantissa).scaleb(int(match[2]))
        except InvalidOperation:
            raise NoNumber(NoNumber.OTHER) from None
        # With fewer digits than the number has, the last ones are lost.
        if len(mantissa.replace(".", "")) != int(match[2]) + 1:
            raise NoNumber(NoNumber.SHORTENED)
        return str(int(whole))
    if match := _FRACTION.fullmatch(plain):
        if match[2].strip("0"):
            raise NoNumber(NoNumber.OTHER)
        return match[1]
    return plain


def _without_national_prefix(digits: str) -> str:
    """Return the digits without a 0 behind the country code that is dialled inside it only."""
    code = next((n for n in (1, 2, 3) if int(digits[:n]) in _ASSIGNED), 0)
    if not code or digits[code] != "0" or digits[code + 1] == "0" or len(digits) <= MIN_DIGITS:
        return digits
    try:
        found = phonenumbers.parse(f"+{digits}")
    except phonenumbers.NumberParseException:
        return digits
    short = phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.E164)[1:]
    return short if short == digits[:code] + digits[code + 1 :] else digits

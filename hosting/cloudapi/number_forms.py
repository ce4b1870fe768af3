"""National forms of one phone number: digits that were written another way before, or still are.

A person is known by one form; `one_form` returns it, `all_forms` those that may be written for it.
"""

import re
from collections import defaultdict
from typing import NamedTuple

import phonenumbers


class NationalForm(NamedTuple):
    """Numbers `code` + `area` + `old` + `rest` are written `code` + `area` + `new` + `rest` as
    well; `area` and `rest` are regular expressions.
    """

    country: str
    code: str
    area: str
    old: str
    new: str
    rest: str


# Numbering plans that changed, or that mobile phones have another number in than they are dialled
# by. `tests/hosting/contacts/test_number_forms.py` checks each row against the metadata of
# `phonenumbers`: the new form is a number that is assigned, the old one is none, or the same
# subscriber's.
FORMS = (
    # Mobile numbers got a ninth digit (area by area, 2012 to 2016).
    NationalForm("BR", "55", r"[1-9]{2}", "", "9", r"[689]\d{7}"),
    # The 1 of mobile phones was given up in 2019; networks still write it.
    NationalForm("MX", "52", "", "1", "", r"[2-9]\d{9}"),
    # The 9 of mobile phones stands in international calls only.
    NationalForm("AR", "54", "", "", "9", r"[1-3]\d{9}"),
    # Eight digits became ten on 31 January 2021: the operator's two in front.
    NationalForm("CI", "225", "", "", "01", r"[04-9][0-3]\d{6}"),
    NationalForm("CI", "225", "", "", "05", r"[04-9][4-6]\d{6}"),
    NationalForm("CI", "225", "", "", "07", r"[04-9][7-9]\d{6}"),
    # Eight digits became ten on 30 November 2024.
    NationalForm("BJ", "229", "", "", "01", r"(?:2[0-5]|[4-69]\d)\d{6}"),
    # Seven and eight digits became eight and nine on 21 November 2014.
    NationalForm("CM", "237", "", "", "6", r"[579]\d{7}"),
    # Eight digits with a leading 0 became nine on 29 June 2019.
    NationalForm("GA", "241", "", "01", "11", r"\d{6}"),
    NationalForm("GA", "241", "", "02", "62", r"\d{6}"),
    NationalForm("GA", "241", "", "04", "74", r"\d{6}"),
    NationalForm("GA", "241", "", "05", "65", r"\d{6}"),
    NationalForm("GA", "241", "", "06", "66", r"\d{6}"),
    NationalForm("GA", "241", "", "07", "77", r"\d{6}"),
    # Eleven digits became ten in the autumn of 2018.
    *(
        NationalForm("VN", "84", "", old, new, r"\d{7}")
        for old, new in (
            ("120", "70"), ("121", "79"), ("122", "77"), ("126", "76"), ("128", "78"),
            ("123", "83"), ("124", "84"), ("125", "85"), ("127", "81"), ("129", "82"),
            ("162", "32"), ("163", "33"), ("164", "34"), ("165", "35"), ("166", "36"),
            ("167", "37"), ("168", "38"), ("169", "39"), ("186", "56"), ("188", "58"),
            ("199", "59"),
        )
    ),
)  # fmt: skip
_AREA, _REST = r"(?P<area>{})", r"(?P<rest>{})"
# Inside Argentina a mobile number is dialled with 15 behind its area code.
_DIALLED_IN_ARGENTINA = re.compile(r"54(?=[1-3])\d{2,4}15\d{6,8}")


def _pattern(form: NationalForm, mark: str) -> re.Pattern[str]:
    return re.compile(form.code + _AREA.format(form.area) + mark + _REST.format(form.rest))


_TO_NEW: dict[str, list[tuple[re.Pattern[str], str]]] = defaultdict(list)
_TO_OLD: dict[str, list[tuple[re.Pattern[str], str]]] = defaultdict(list)
for _form in FORMS:
    _TO_NEW[_form.code].append(
        (_pattern(_form, _form.old), rf"{_form.code}\g<area>{_form.new}\g<rest>")
    )
    _TO_OLD[_form.code].append(
        (_pattern(_form, _form.new), rf"{_form.code}\g<area>{_form.old}\g<rest>")
    )
# What the database refuses as the id of a contact: a form that leads to another.
OLD_FORMS = "^(?:" + "|".join(
    f"{one.code}{one.area}{one.old}{one.rest}" for one in FORMS
) + ")$"  # fmt: skip


def one_form(person: str) -> str:
    """Return the one form of a number's digits; anything else (a user id) as it is."""
    for code in (person[:2], person[:3]):
        for pattern, new in _TO_NEW.get(code, ()):
            if match := pattern.fullmatch(person):
                return match.expand(new)
    if len(person) == 14 and _DIALLED_IN_ARGENTINA.fullmatch(person):
        return _as_parsed(person)
    return person


def named_person(text: str | None) -> str:
    """Return the id of a customer as a request names one: a user id, or digits in their one form;
    spaces and a plus sign are left out.
    """
    return one_form((text or "").strip().lstrip("+").replace(" ", ""))


def all_forms(person: str) -> set[str]:
    """Return all digits that may be written for this person, the given ones among them."""
    known = one_form(person)
    found = {person, known}
    for code in (known[:2], known[:3]):
        for pattern, old in _TO_OLD.get(code, ()):
            if match := pattern.fullmatch(known):
                found.add(match.expand(old))
    return found


def _as_parsed(digits: str) -> str:
    try:
        parsed = phonenumbers.parse(f"+{digits}")
    except phonenumbers.NumberParseException:
        return digits
    short = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)[1:]
    return short if len(short) == 13 else digits

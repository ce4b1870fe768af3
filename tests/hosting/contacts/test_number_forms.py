"""National forms of one number: a table, checked against the metadata of `phonenumbers`."""

import re
from typing import Any

import phonenumbers
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hosting.cloudapi.number_forms import FORMS, OLD_FORMS, NationalForm, all_forms, one_form
from hosting.cloudapi.phone_numbers import digits_of_number

FIXED, MOBILE = phonenumbers.PhoneNumberType.FIXED_LINE, phonenumbers.PhoneNumberType.MOBILE


@pytest.mark.parametrize(
    ("written", "known"),
    [
        ("551187654321", "5511987654321"),  # Brazil: the ninth digit
        ("5511987654321", "5511987654321"),
        ("551132345678", "551132345678"),  # a landline has none
        ("551178654321", "551178654321"),  # nor has a trunk radio
        ("5215512345678", "525512345678"),  # Mexico: the 1 of mobiles
        ("525512345678", "525512345678"),
        ("541123456789", "5491123456789"),  # Argentina: the 9 of mobiles
        ("5491123456789", "5491123456789"),
        ("54111523456789", "5491123456789"),  # and the 15 of calls inside
        ("54351152345678", "5493512345678"),
        ("22507123456", "2250707123456"),  # Ivory Coast: Orange, MTN, Moov
        ("22505123456", "2250505123456"),
        ("22541123456", "2250141123456"),
        ("2250707123456", "2250707123456"),
        ("22997123456", "2290197123456"),  # Benin
        ("23776543210", "237676543210"),  # Cameroon
        ("24106123456", "24166123456"),  # Gabon
        ("841621234567", "84321234567"),  # Vietnam
        ("841991234567", "84591234567"),
        ("447700900109", "447700900109"),
        ("US.13491208655302741918", "US.13491208655302741918"),
        ("", ""),
    ],
)
def test_a_number_has_one_form_whichever_way_it_is_written(written: str, known: str) -> None:
    assert one_form(written) == known
    assert {known, written} <= all_forms(written)


def test_every_form_that_may_be_written_is_found_from_any_of_them() -> None:
    assert all_forms("5511987654321") == {"5511987654321", "551187654321"}
    assert all_forms("551187654321") == {"5511987654321", "551187654321"}
    assert all_forms("525512345678") == {"525512345678", "5215512345678"}
    assert all_forms("447700900109") == {"447700900109"}


def test_numbers_that_people_type_come_out_in_the_one_form() -> None:
    assert digits_of_number("+55 (11) 8765-4321") == "5511987654321"
    assert digits_of_number("+52 1 55 1234 5678") == "525512345678"
    assert digits_of_number("+54 11 15-2345-6789") == "5491123456789"


def _samples(form: NationalForm) -> list[tuple[str, str]]:
    """Old and new digits of one assigned number for each way that the rest may begin."""
    found = []
    for number in range(10**4):
        digits = f"{number:04d}"
        for area in ("11", "21", "48") if form.area else ("",):
            for tail in ("123456789", "2345", "23456", "234567"):
                rest = (digits + tail)[: _length(form)]
                new = form.code + area + form.new + rest
                if not re.fullmatch(form.rest, rest) or not _valid(new):
                    continue
                found.append((form.code + area + form.old + rest, new))
                if len(found) == 40:
                    return found
    return found


def _length(form: NationalForm) -> int:
    return {"BR": 8, "MX": 10, "AR": 10, "CI": 8, "BJ": 8, "CM": 8, "GA": 6, "VN": 7}[form.country]


def _valid(digits: str) -> bool:
    return phonenumbers.is_valid_number(phonenumbers.parse(f"+{digits}"))


@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form.code}{form.old}-{form.new}")
def test_the_new_form_is_assigned_and_the_old_one_is_nobody_elses(form: NationalForm) -> None:
    samples = _samples(form)
    assert samples
    for old, new in samples:
        parsed = phonenumbers.parse(f"+{new}")
        assert phonenumbers.region_code_for_number(parsed) == form.country
        assert phonenumbers.number_type(parsed) in (MOBILE, FIXED, 2)
        assert one_form(old) == new == one_form(new)
        assert re.search(OLD_FORMS, old)
        assert not re.search(OLD_FORMS, new)
        # In Argentina fixed and mobile phones share one set of numbers; Gabon's old form is still
        # listed. Elsewhere nobody has the old digits.
        if form.country not in ("AR", "GA"):
            assert not _valid(old)


REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
KINDS = (FIXED, MOBILE, phonenumbers.PhoneNumberType.TOLL_FREE, phonenumbers.PhoneNumberType.VOIP)


@pytest.mark.parametrize("region", REGIONS)
def test_examples_of_every_country_keep_their_digits(region: str) -> None:
    for kind in KINDS:
        example = phonenumbers.example_number_for_type(region, kind)
        if example is None or (region, kind) == ("AR", FIXED) or region == "GA":
            continue
        digits = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)[1:]
        assert one_form(digits) == digits


CODES = st.sampled_from(["5511", "521", "52", "54", "549", "225", "229", "237", "2410", "841", "1"])


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.builds("{}{}".format, CODES, st.integers(min_value=10**4, max_value=10**11))
    | st.text(max_size=20)
)
def test_the_form_is_final_and_common_to_all_that_lead_to_it(person: Any) -> None:
    known = one_form(person)
    assert one_form(known) == known
    assert {one_form(one) for one in all_forms(person)} == {known}
    assert not re.search(OLD_FORMS, known)

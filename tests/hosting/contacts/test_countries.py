"""The country of a number: the short way says what the metadata of phonenumbers says."""

import random

import phonenumbers
import pytest

from hosting.contacts import identity


def by_metadata(wa_id: str) -> str:
    return identity._country_by_metadata(wa_id)


def test_every_region_is_known_by_its_example_numbers() -> None:
    kinds = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE)
    seen = set()
    for region in phonenumbers.SUPPORTED_REGIONS:
        for kind in kinds:
            example = phonenumbers.example_number_for_type(region, kind)
            if example is None:
                continue
            wa_id = f"{example.country_code}{phonenumbers.national_significant_number(example)}"
            assert identity.country_of(wa_id) == by_metadata(wa_id), wa_id
            seen.add(identity.country_of(wa_id))
    assert len(seen) > 200


def test_both_ways_agree_on_any_digits() -> None:
    digits = random.Random(7)
    quick = 0
    for _ in range(5_000):
        wa_id = "".join(digits.choices("0123456789", k=digits.randint(1, 18)))
        quick += bool(identity._only_country(wa_id))
        assert identity.country_of(wa_id) == by_metadata(wa_id), wa_id
    assert quick > 1_000


@pytest.mark.parametrize(
    "wa_id", ["", "+", "x", "US.13491208655302741918", "٤٩١٥١", "4", "0", "0" * 20]
)
def test_what_is_no_number_has_no_country(wa_id: str) -> None:
    assert identity.country_of(wa_id) == by_metadata(wa_id)

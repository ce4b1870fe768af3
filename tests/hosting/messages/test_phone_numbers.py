"""Phone numbers as people and spreadsheets write them: the right digits, or a refusal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosting.cloudapi.phone_numbers import NoNumber, digits_of_number
from hosting.cloudapi.sends import digits_of
from hosting.errors import CloudApiError

UK = "447700900109"


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        (UK, UK),
        (f"+{UK}", UK),
        (f"00{UK}", UK),
        ("+44 (0)7700 900109", UK),
        ("+44 07700-900 109", UK),
        ("0044 (0) 7700/900109", UK),
        ("(+44) 7700.900.109", UK),
        (f"{UK}.0", UK),
        (f"{UK},00", UK),
        ("4.47700900109E+11", UK),
        ("4,47700900109e11", UK),
        (f"'+{UK}", UK),
        (f'="{UK}"', UK),
        (f"tel:+{UK}", UK),
        ("\u202a+44\u00a07700\u2011900\u2011109\u202c", UK),
        ("+٤٤٧٧٠٠٩٠٠١٠٩", UK),
        ("+44770090010９", UK),
        # The zero belongs to numbers in Italy and Ivory Coast.
        ("+39 06 12345678", "390612345678"),
        ("+39 (0)6 12345678", "390612345678"),
        ("+225 07 07 07 07 07", "2250707070707"),
        ("+49 (0)30 1234567", "49301234567"),
        ("+1 (415) 555-0123", "14155550123"),
    ],
)
def test_a_number_is_understood(text: str, digits: str) -> None:
    assert digits_of_number(text) == digits
    assert digits_of(text, field="to") == digits


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("\u200e \u00a0", "empty"),
        ("4.477E+11", "shortened"),
        ("4,477E+11", "shortened"),
        ("4.4770090010E+11", "shortened"),
        ("4.477009001091E+11", "shortened"),
        ("07700 900109", "national"),
        ("(0)7700 900109", "national"),
        ("447700900109.5", "other"),
        ("-447700900109", "other"),
        ("+44+7700900109", "other"),
        ("447700900109 ext 5", "other"),
        ("44770090010O", "other"),
        ("447700900109/447700900108", "other"),
        ("+447700900109, +447700900108", "other"),
        ("123456", "other"),
        ("1" * 17, "other"),
        ("()" * 40, "other"),
        ("4" * 5000, "other"),
        ("١٢٣abc", "other"),
    ],
)
def test_what_is_no_number_is_refused(text: str, reason: str) -> None:
    with pytest.raises(NoNumber) as wrong:
        digits_of_number(text)
    assert wrong.value.reason == reason
    with pytest.raises(CloudApiError) as refused:
        digits_of(text, field="to")
    assert refused.value.number == (131008 if reason == "empty" else 131009)


@given(st.text(max_size=80))
def test_any_text_gives_digits_or_a_refusal(text: str) -> None:
    try:
        digits = digits_of_number(text)
    except NoNumber:
        return
    assert digits.isascii()
    assert digits.isdigit()
    assert 7 <= len(digits) <= 15


@given(st.integers(10**7, 10**15 - 1))
def test_digits_alone_stay_but_for_a_national_zero(number: int) -> None:
    digits = digits_of_number(str(number))
    assert digits == str(number) or len(digits) == len(str(number)) - 1
    assert digits_of_number(digits) == digits


@pytest.mark.parametrize("to", [4.477e11, 447700900109.5, None, True, ["447700900109"], {}])
def test_a_number_in_json_is_a_text_or_whole(to: object) -> None:
    with pytest.raises(CloudApiError):
        digits_of(to, field="to")
    assert digits_of(447700900109, field="to") == UK

"""Lists as people paste and upload them, read without a database."""

from pathlib import Path

import pytest

from core.errors import BadInput
from hosting.broadcasts import recipients


def found(text: str, *names: str) -> list[tuple[str, list[str]]]:
    return [(one.wa_id, one.variables) for one in recipients.parse_list(text, names=names).found]


@pytest.mark.parametrize(
    ("text", "names", "expected"),
    [
        ("+49 151 2345678\n0044 7400-123456", (), [("491512345678", []), ("447400123456", [])]),
        ("491512345678, 447400123456", (), [("491512345678", []), ("447400123456", [])]),
        ("491512345678;Ann;L-1", ("1", "2"), [("491512345678", ["Ann", "L-1"])]),
        ("Name;Telefon;2;1\nAnn;491512345678;b;a", ("1", "2"), [("491512345678", ["a", "b"])]),
        ("Telefon\tname\n491512345678\tAnn", ("1",), [("491512345678", ["Ann"])]),
        (
            'phone,first_name\n491512345678,"Ann,\n B"',
            ("first_name",),
            [("491512345678", ["Ann, B"])],
        ),
    ],
)
def test_lists_are_understood(
    text: str, names: tuple[str, ...], expected: list[tuple[str, list[str]]]
) -> None:
    assert found(text, *names) == expected


def test_rows_are_numbered_as_in_the_file() -> None:
    read = recipients.parse_list("phone,1\n\n491512345678,a\n12,b\n", names=("1",))
    assert [one.row for one in read.found] == [3]
    assert read.invalid == [(4, "“12” is not a phone number of 7 to 15 digits.")]


def test_a_value_that_would_make_the_text_too_long_is_a_wrong_row() -> None:
    read = recipients.parse_list(
        f"491512345678,{'x' * 11}\n491512345679,{'x' * 10}", names=("1",), max_length=10
    )
    assert [one.wa_id for one in read.found] == ["491512345679"]
    assert read.invalid == [(1, "The text would grow too long.")]


@pytest.mark.parametrize("text", ["", " \n \n", "phone\n"])
def test_a_list_without_numbers_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        recipients.parse_list(text)


def test_more_than_a_hundred_thousand_rows_are_refused() -> None:
    with pytest.raises(BadInput, match="100,000"):
        recipients.parse_list("\n".join(str(10**9 + n) for n in range(100_001)))


def test_files_of_spreadsheets_are_decoded() -> None:
    assert recipients.decoded("a;ü".encode("utf-16")) == "a;ü"
    assert recipients.decoded("a;ü".encode("utf-8-sig")) == "a;ü"
    assert recipients.decoded("a;ü".encode("cp1252")) == "a;ü"
    with pytest.raises(BadInput, match="20 MB"):
        recipients.decoded(b"x" * (recipients.MAX_BYTES + 1))


def test_a_spreadsheets_numbers_are_right_or_refused_with_their_row() -> None:
    path = Path(__file__).parent / "data" / "number_float.csv"
    text = recipients.decoded(path.read_bytes())
    assert found(text, "name") == [("447700900109", ["Ann"])]
    read = recipients.parse_list(
        "phone,name\n4.477E+11,Ann\n+44 (0)7700 900109,Bo\n4.47700900108E+11,Cy\n", names=("name",)
    )
    assert [(one.wa_id, one.row) for one in read.found] == [
        ("447700900109", 3),
        ("447700900108", 4),
    ]
    assert read.invalid == [
        (2, "A spreadsheet has shortened “4.477E+11”: its last digits are lost.")
    ]


def test_a_wrong_number_in_the_first_row_is_no_heading() -> None:
    read = recipients.parse_list("4.477E+11\n447700900109\n")
    assert [one.row for one in read.found] == [2]
    assert [row for row, _ in read.invalid] == [1]
    read = recipients.parse_list("07700 900109,Ann\n447700900109,Bo\n", names=("1",))
    assert read.invalid == [(1, "“07700 900109” has no country code.")]


def test_cells_that_do_not_fit_refuse_their_row() -> None:
    read = recipients.parse_list(
        "phone,name\n447700900109,Smith, Ann\n447700900108,Bo,,\n", names=("name",)
    )
    assert [one.variables for one in read.found] == [["Bo"]]
    assert read.invalid == [
        (
            2,
            "The row has 3 cells, the first one 2. "
            "Put quotes around a cell that holds the separator.",
        )
    ]
    read = recipients.parse_list("447700900109,447700900108\n447700900107\n")
    assert read.invalid == [(1, "There is more than one number in the row.")]

"""Files of rate cards that must not pass: each names its cell, and nothing of it is taken."""

from datetime import date
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import Error

from billing.models import CardVersion, Market, RateCard
from billing.rate_cards import versions
from billing.rate_cards.csv_files import read
from billing.rate_cards.versions import CardError
from core.tenancy import system

DATA = Path(__file__).parent / "data"
HEAD = "market,category,first,last,price\n"
REST = (
    "Other,marketing,1,,0.05\n"
    "Other,utility,1,,0.02\n"
    "Other,authentication,1,,0.02\n"
    "Other,service,1,,0.01\n"
)
RATES = "Market,Currency,Marketing,Utility,Authentication,Service\n"
TIERS = "Market,Currency,From,To,Rate type,Rate,vs. List rate\n"
KNOWN = ("Other", "Germany", "Côte d'Ivoire", "North America")


def problems(text: str) -> list[str]:
    return [str(one) for one in read(("card.csv", text), markets=KNOWN).problems]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "card_decimal_comma.csv",
            [
                "row 6, column 5: '0,0600' has a decimal comma, or could have: write 1234.50.",
                "row 7, column 5: '1.234,50' has a decimal comma, or could have: write 1234.50.",
            ],
        ),
        ("card_duplicate_row.csv", ["row 7, column 1: Germany, marketing is there twice."]),
        ("card_mixed_currency.csv", ["row 5, column 6: USD in a file of EUR."]),
    ],
)
def test_reported_files_are_refused_at_the_cell(name: str, expected: list[str]) -> None:
    assert problems((DATA / name).read_text()) == [f"card.csv, {one}" for one in expected]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("Germany,marketing,1,,5%", "row 6, column 5: '5%' is a percentage, not a price."),
        ("Germany,marketing,1,,0. 06", "row 6, column 5: '0. 06' is not a price."),
        ("Germany,marketing,1,,1_000", "row 6, column 5: '1_000' is not a price."),
        ("Germany,marketing,1,,1e-2", "row 6, column 5: '1e-2' is not a price."),
        ("Germany,marketing,1,,\u0661", "row 6, column 5: '\u0661' is not a price."),
        ("Germany,marketing,1,,$0.06", "row 6, column 5: '$0.06' is not a price."),
        ("Germany,marketing,1,,", "row 6, column 5: '' is not a price."),
        (
            'Germany,marketing,1,,"1,500"',
            "row 6, column 5: '1,500' has a decimal comma, or could have: write 1234.50.",
        ),
        (
            "Germany,marketing,1,,0,0600",
            "row 6, column 6: '0600' stands in a column without a header.",
        ),
        ("germany,marketing,1,,0.06", "row 6, column 1: 'germany' is spelled 'Germany' elsewhere."),
        (
            "Cote d'Ivoire,marketing,1,,0.06",
            "row 6, column 1: 'Cote d'Ivoire' is spelled 'Côte d'Ivoire' elsewhere.",
        ),
        (
            "North  America,marketing,1,,0.06",
            "row 6, column 1: 'North  America' is spelled 'North America' elsewhere.",
        ),
        (
            "Germany,Marketing,1,,0.06",
            "row 6, column 2: 'Marketing' is not a category: authentication, "
            "authentication-international, marketing, service, utility.",
        ),
        ("Germany,marketing,1.000,,0.06", "row 6, column 3: '1.000' is not a whole number."),
        ("Other,utility,1,,0.02", "row 6, column 1: Other, utility is there twice."),
        ("Other,utility,1,,0.03", "row 6, column 1: Other, utility is there twice."),
    ],
)
def test_a_wrong_cell_of_our_layout_is_named(row: str, expected: str) -> None:
    assert problems(f"{HEAD}{REST}{row}\n") == [f"card.csv, {expected}"]


def test_a_market_spelled_in_two_ways_within_one_file_is_named() -> None:
    rows = "Perú,marketing,1,,0.05\nPeru,utility,1,,0.05\n"
    assert problems(HEAD + REST + rows) == [
        "card.csv, row 7, column 1: 'Peru' is spelled 'Perú' elsewhere."
    ]


@pytest.mark.parametrize(("separator", "name"), [(";", "semicolons"), ("\t", "tabs")])
def test_columns_that_commas_do_not_separate_are_said_to_be(separator: str, name: str) -> None:
    assert problems((HEAD + REST).replace(",", separator)) == [
        f"card.csv, row 1, column 1: The columns are separated by {name}: separate them by commas."
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            f"{RATES}Other,USD,0.05,0.02,0.02,0.01\nGermany,EUR,0.05,0.02,0.02,0.01\n",
            "row 3, column 2: EUR in a file of USD.",
        ),
        (
            f"{RATES}Other,USD,0.05,0.02,0.02,0.01\nOTHER,USD,0.05,0.02,0.02,0.01\n",
            "row 3, column 1: 'OTHER' is spelled 'Other' elsewhere.",
        ),
        (
            f'{RATES}Other,USD,"0,05",0.02,0.02,0.01\n',
            "row 2, column 3: '0,05' has a decimal comma, or could have: write 1234.50.",
        ),
        (
            f"{RATES}Other,USD,0.05,0.02,0.02,0.01,9\n",
            "row 2, column 7: '9' stands in a column without a header.",
        ),
        (
            f"{TIERS}Other,USD,0,100,List rate,0.02,0%\n,USD,101,--,Tier rate,-5%,-5%\n",
            "row 3, column 6: '-5%' is a percentage, not a price.",
        ),
        (
            f"{TIERS}Other,USD,0,--,List rate,0.02,0%\nOther,USD,0,--,List rate,0.03,0%\n",
            "row 3, column 3: Other, utility is there twice.",
        ),
    ],
)
def test_a_wrong_cell_of_the_published_layouts_is_named(text: str, expected: str) -> None:
    assert problems(text)[0] == f"card.csv, {expected}"


def test_two_unbounded_tiers_leave_no_position_with_one_price() -> None:
    text = f"{HEAD}{REST}Germany,marketing,1,,0.05\nGermany,marketing,2,,0.04\n"
    reason = "the tiers leave a hole, overlap, or do not end unbounded."
    assert problems(text) == [f"card.csv, row 6: Germany, marketing: {reason}"]


def test_a_file_without_any_of_this_is_read(db: None) -> None:
    sheet = read(("card.csv", HEAD + REST), markets=KNOWN)
    assert (sheet.problems, sheet.currency, sheet.markets) == ([], "USD", ["Other"])


@pytest.mark.parametrize("name", sorted(path.name for path in DATA.glob("card_*.csv")))
def test_the_command_refuses_them_and_leaves_nothing(db: None, name: str) -> None:
    with system("test"):
        before = (CardVersion.objects.count(), Market.objects.count())
    with pytest.raises(CommandError, match="problems; nothing was changed"):
        call_command("import_card", str(DATA / name), "--card", "Parley standard", "--schedule")
    with system("test"):
        assert (CardVersion.objects.count(), Market.objects.count()) == before


def test_the_database_holds_a_market_once_whatever_the_case(db: None) -> None:
    with pytest.raises(Error, match="market_once_whatever_the_case"), system("test"):
        Market.objects.create(name="GERMANY")


def test_a_draft_is_not_made_from_a_sheet_with_problems(db: None) -> None:
    with system("test"):
        card = RateCard.objects.get(name="Parley standard")
        before = CardVersion.objects.count()
    sheet = read(("card.csv", (DATA / "card_duplicate_row.csv").read_text()), markets=KNOWN)
    with pytest.raises(CardError, match="row 7, column 1: Germany, marketing is there twice"):
        versions.make_draft(card=card, sheet=sheet, valid_from=date(2027, 1, 1))
    with system("test"):
        assert CardVersion.objects.count() == before

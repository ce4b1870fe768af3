"""Tax by where seller and buyer are and by the date of supply, with the rules of the data files."""

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from billing.invoices import tax, tax_rules
from billing.invoices.tax_rules import NoTaxRule, Place, Rules
from tests.billing.taxes import DAY, decide, rules


def party(country: str, vat_id: str = "", **more: Any) -> dict[str, Any]:
    return {"name": "Bakery", "country": country, "vat_id": vat_id, **more}


def registered(*places: str, **more: Any) -> list[dict[str, Any]]:
    return [
        {"place": place, "number": f"{place} 1", "valid_from": "2025-01-01", "valid_to": None}
        | more
        for place in places
    ]


IE, DE, FR = party("IE", "IE6388047V"), party("DE", "DE136695976"), party("FR", "FR83404833048")
ES_ID, MC_ID, GR_ID = "ESB58378431", "FR53000004605", "EL094259216"
GB, CH = party("GB", "GB980780684"), party("CH", "CHE-107.787.577 MWST")
NO, AU, SG = party("NO", "NO995525828MVA"), party("AU", "83914571673"), party("SG", "M91234567X")
# Maharashtra is 27, Karnataka 29.
MUMBAI, PUNE, BENGALURU = (
    party("IN", "27AAPFU0939F1ZV"),
    party("IN", region="MH"),
    party("IN", "29AAGCB7383J1Z4"),
)
TEXAN = party("US", "123456789", registrations=registered("US-TX", "US-CA"))


@pytest.mark.parametrize(
    ("seller", "buyer", "category", "percent", "name"),
    [
        # The European Union: domestic first, reverse charge with a valid id, else the consumer's.
        (IE, IE, "S", "23", "VAT"),
        (IE, party("IE"), "S", "23", "VAT"),
        (IE, DE, "AE", "0", "VAT"),
        (IE, party("DE"), "S", "19", "USt"),
        (IE, party("DE", "DE136695970"), "S", "19", "USt"),
        (IE, party("DE", "123456789"), "S", "19", "USt"),
        (IE, party("GR", GR_ID), "AE", "0", "VAT"),
        (DE, DE, "S", "19", "USt"),
        (IE, party("US"), "G", "0", "VAT"),
        (IE, party("IN", "27AAPFU0939F1ZV"), "G", "0", "VAT"),
        (IE, party("BR"), "G", "0", "VAT"),
        # Territories: Monaco is taxed as France, from there and within.
        (DE, party("MC"), "S", "20", "TVA"),
        (DE, party("MC", MC_ID), "AE", "0", "USt"),
        (FR, party("MC", MC_ID), "S", "20", "TVA"),
        (party("MC", MC_ID), party("FR", "FR83404833048"), "S", "20", "TVA"),
        # Northern Ireland is in the union's VAT for goods only; these are services.
        (DE, party("GB", postcode="BT1 5GS"), "G", "0", "USt"),
        (GB, party("GB", postcode="BT1 5GS"), "S", "20", "VAT"),
        (GB, party("IM"), "S", "20", "VAT"),
        # Territories outside: not taxed, even from the rest of their country.
        (DE, party("ES", postcode="35001"), "G", "0", "USt"),
        (party("ES", ES_ID), party("ES", postcode="38 001"), "G", "0", "IVA"),
        (party("ES", ES_ID), party("ES", postcode="28001"), "S", "21", "IVA"),
        (party("ES", ES_ID), party("IC"), "G", "0", "IVA"),
        (DE, party("ES", postcode="51001"), "G", "0", "USt"),
        (DE, party("DE", postcode="78266"), "G", "0", "USt"),
        (DE, party("DE", postcode="27498"), "G", "0", "USt"),
        (DE, party("FI", postcode="22100"), "G", "0", "USt"),
        (DE, party("AX"), "G", "0", "USt"),
        (DE, party("FR", postcode="97400"), "G", "0", "USt"),
        (DE, party("RE"), "G", "0", "USt"),
        (DE, party("IT", postcode="23041"), "G", "0", "USt"),
        (DE, party("GR", postcode="63086"), "G", "0", "USt"),
        # Switzerland with Liechtenstein, Norway without Svalbard, the others.
        (CH, party("CH"), "S", "8.1", "MWST"),
        (CH, party("LI"), "S", "8.1", "MWST"),
        (CH, DE, "G", "0", "MWST"),
        (NO, party("NO"), "S", "25", "MVA"),
        (NO, party("SJ"), "Z", "0", "MVA"),
        (NO, party("US"), "Z", "0", "MVA"),
        (GB, party("GB", "GB980780684"), "S", "20", "VAT"),
        (GB, DE, "G", "0", "VAT"),
        (AU, party("AU"), "S", "10", "GST"),
        (AU, party("NZ"), "Z", "0", "GST"),
        (SG, party("SG"), "S", "9", "GST"),
        (SG, party("SG", "M91234567X"), "S", "9", "GST"),
        (SG, party("MY"), "Z", "0", "GST"),
        # India: within a state, across states, abroad.
        (MUMBAI, PUNE, "S", "18", "CGST + SGST"),
        (MUMBAI, party("IN", region="CH"), "S", "18", "IGST"),
        (party("IN", "04AAPFU0939F1ZV"), party("IN", region="CH"), "S", "18", "CGST + UTGST"),
        (MUMBAI, BENGALURU, "S", "18", "IGST"),
        (MUMBAI, party("US"), "Z", "0", "IGST"),
        # The United States: where the seller is registered and the state taxes such services.
        (TEXAN, party("US", region="TX"), "S", "5", "Texas sales tax"),
        (TEXAN, party("US", region="CA"), "O", "0", "Sales tax"),
        (TEXAN, party("US", region="NY"), "O", "0", "Sales tax"),
        (party("US", "123456789"), party("US"), "O", "0", "VAT"),
        (TEXAN, DE, "O", "0", "Sales tax"),
        # Not registered anywhere.
        (party("US"), party("US"), "O", "0", "VAT"),
        (party("JP"), party("JP"), "O", "0", "VAT"),
    ],
)
def test_tax_follows_seller_and_buyer(
    seller: dict[str, Any], buyer: dict[str, Any], category: str, percent: str, name: str
) -> None:
    decided = decide(seller, buyer)
    assert (decided.category, decided.percent, decided.name) == (category, Decimal(percent), name)
    assert bool(decided.note) == (category != "S")
    same = seller["country"] == buyer["country"]
    assert not (same and "established" in decided.note and not buyer.get("postcode"))


@pytest.mark.parametrize(
    ("seller", "buyer", "day", "percent"),
    [
        ("RO", "RO", date(2025, 7, 31), "19"),
        ("RO", "RO", date(2025, 8, 1), "21"),
        ("EE", "EE", date(2025, 6, 30), "22"),
        ("IE", "EE", date(2025, 7, 1), "24"),
    ],
)
def test_the_rate_is_that_of_the_date_of_supply(
    seller: str, buyer: str, day: date, percent: str
) -> None:
    decided = decide(party(seller, "IE6388047V"), party(buyer), day)
    assert (decided.category, decided.percent) == ("S", Decimal(percent))


@pytest.mark.parametrize(
    ("seller", "buyer", "category", "number"),
    [
        # Consumers where the seller is registered; businesses there account for it themselves.
        (("IE", "GB"), party("GB"), "S 20", "GB 1"),
        (("IE", "GB"), GB, "G 0", ""),
        (("IE", "NO"), party("NO"), "S 25", "NO 1"),
        (("IE", "AU"), party("AU"), "S 10", "AU 1"),
        (("IE", "SG"), SG, "G 0", ""),
        # In Switzerland a registered foreign seller charges businesses too.
        (("IE", "CH"), CH, "S 8.1", "CH 1"),
        (("IE", "CH"), party("LI"), "S 8.1", "CH 1"),
        # The one-stop shop of sellers from outside the union.
        (("GB", "EU"), party("DE"), "S 19", "EU 1"),
        (("GB", "EU"), DE, "G 0", ""),
        (("GB", "DE"), party("DE"), "S 19", "DE 1"),
        (("GB", "DE"), party("FR"), "G 0", ""),
        (("GB", "GB"), party("US"), "G 0", ""),
    ],
)
def test_registrations_abroad_decide_there(
    seller: tuple[str, str], buyer: dict[str, Any], category: str, number: str
) -> None:
    here, place = seller
    ours = party(here, "IE6388047V", registrations=registered(place))
    decided = decide(ours, buyer)
    assert f"{decided.category} {decided.percent.normalize():f}" == category
    assert decided.seller_id == number
    ended = party(here, "IE6388047V", registrations=registered(place, valid_to=str(DAY)))
    assert decide(ended, buyer).category == ("Z" if here in ("NO", "AU", "SG") else "G")


@pytest.mark.parametrize(
    ("buyer", "category"),
    [(DE, "E"), (party("FR"), "E"), (FR, "AE"), (party("US"), "G")],
)
def test_a_small_business_charges_no_tax_at_home_nor_to_consumers(
    buyer: dict[str, Any], category: str
) -> None:
    decided = decide({**DE, "is_small_business": True}, buyer)
    assert (decided.category, decided.percent) == (category, Decimal(0))
    assert ("small business" in decided.note) == (category == "E")


@pytest.mark.parametrize(
    ("seller", "buyer", "words"),
    [
        (party("JP", "T1234567890123"), party("JP"), "no tax law of JP"),
        (party("JP", "T1234567890123"), party("US"), "no tax law of JP"),
        (party("DE", "DE136695976", postcode="78266"), DE, "no tax law of DE-BUE"),
        (TEXAN, party("US"), "The state of Bakery is missing"),
        (TEXAN, party("US", region="ZZ"), "ZZ is no state of US"),
        (MUMBAI, party("IN"), "The state of Bakery is missing"),
        (MUMBAI, party("IN", region="Maharashtra"), "MAHARASHTRA is no state of IN"),
    ],
)
def test_without_a_rule_it_is_refused_and_says_what_is_missing(
    seller: dict[str, Any], buyer: dict[str, Any], words: str
) -> None:
    with pytest.raises(NoTaxRule, match=words):
        decide(seller, buyer)


def test_a_missing_rate_is_named_with_its_day() -> None:
    known = rules(DAY)
    bare = Rules(date(2024, 12, 31), known.countries, known.territories, known.regions, {})
    with pytest.raises(NoTaxRule, match="no tax rate of FR on file for 2024-12-31"):
        tax.treatment(tax.Supply(IE, party("FR"), DAY), bare)


def test_territories_are_data_for_goods_as_well() -> None:
    belfast = party("GB", postcode="bt1 5gs")
    assert tax_rules.place_of(belfast, rules(), goods=True) == Place("XI")
    assert tax_rules.place_of(belfast, rules()) == Place("GB")
    assert tax_rules.place_of(party("XI"), rules()) == Place("GB")
    assert tax_rules.place_of(party("US", region="tx"), rules()) == Place("US", "TX")


@pytest.mark.parametrize(
    ("base", "percent", "expected"),
    [
        # 100.50 at 25 % is 25.125; halves go away from zero, also in credits.
        (10050, "25", 2513),
        (-10050, "25", -2513),
        (4900, "23", 1127),
        (50, "19", 10),
        (150, "1", 2),
        (250, "1", 3),
        (2450, "23", 564),
        (0, "19", 0),
    ],
)
def test_tax_is_rounded_commercially(base: int, percent: str, expected: int) -> None:
    assert tax.tax_minor(base, Decimal(percent)) == expected


def test_two_taxes_in_one_are_rounded_each() -> None:
    # 9 % of 100.50 is 9.045: 9.05 twice, although 18 % would be 18.09.
    group = tax.tax_group(decide(MUMBAI, PUNE), 10050)
    assert group == {
        "category": "S",
        "percent": "18",
        "name": "CGST + SGST",
        "note": "",
        "base_minor": 10050,
        "parts": [
            {"name": "CGST", "percent": "9", "tax_minor": 905},
            {"name": "SGST", "percent": "9", "tax_minor": 905},
        ],
        "tax_minor": 1810,
    }
    assert tax.with_base(group, 5025)["tax_minor"] == 904


@pytest.fixture
def engine() -> Iterator[Callable[[Any], None]]:
    """Registers an engine for one test."""
    added: list[Any] = []

    def register(function: Any) -> None:
        added.append(tax.engines.register(tax.TaxEngine("test", function)))

    yield register
    for one in added:
        tax.engines.unregister(one)


def test_another_engine_can_answer_and_can_leave_it_to_the_rules(
    engine: Callable[[Any], None],
) -> None:
    asked: list[tax.Supply] = []

    def answer(supply: tax.Supply, rules: Rules) -> tax.Treatment | None:
        asked.append(supply)
        boston = tax.Treatment("S", Decimal("6.25"), name="Massachusetts sales tax")
        return boston if supply.buyer["country"] == "US" else None

    engine(answer)
    assert decide(party("JP", "T1"), party("US")).name == "Massachusetts sales tax"
    assert decide(IE, party("DE")).percent == 19
    assert [one.day for one in asked] == [DAY, DAY]

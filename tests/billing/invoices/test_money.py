"""Rounding of amounts half-even once, equal in Python and in the database; prices with every
significant decimal.
"""

from decimal import Decimal

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import money


@pytest.mark.parametrize(
    ("micros", "currency", "minor"),
    [
        (5_000, "USD", 0),
        (15_000, "USD", 2),
        (25_000, "USD", 2),
        (25_001, "USD", 3),
        (-5_000, "USD", 0),
        (-15_000, "USD", -2),
        (500_000, "JPY", 0),
        (1_500_000, "JPY", 2),
        (1_500, "KWD", 2),
        (2_500, "KWD", 2),
        (58_160_000, "USD", 5816),
    ],
)
def test_halves_go_to_the_even_neighbour(micros, currency, minor):
    assert money.to_minor(micros, currency) == minor


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    amounts=st.lists(st.integers(-(10**15), 10**15), min_size=40, max_size=60),
    currency=st.sampled_from(["USD", "JPY", "KWD"]),
)
def test_database_rounds_as_python_does(db, amounts, currency):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT billing_round_half_even(a, %s) FROM unnest(%s::bigint[]) a",
            [money.micros_a_minor(currency), amounts],
        )
        assert [row[0] for row in cursor.fetchall()] == [
            money.to_minor(amount, currency) for amount in amounts
        ]


@pytest.mark.parametrize(
    ("micros", "currency", "shown"),
    [
        (13_500, "USD", "$0.0135"),
        (9_100, "USD", "$0.0091"),
        (49_000_000, "USD", "$49.00"),
        (1_000_000, "JPY", "¥1"),
        (5_000, "KWD", "KWD0.005"),
        (0, "USD", "$0.00"),
        (-41_000, "USD", "-$0.041"),
    ],
)
def test_prices_show_every_decimal_that_counts(micros, currency, shown):
    assert money.show_micros(micros, currency) == shown


def test_amounts_of_other_currencies():
    assert money.show_minor(123450, "EUR", "de_DE") == "1.234,50\xa0€"
    assert money.minor_amount(1234, "JPY") == Decimal(1234)
    assert money.minor_amount(1234, "KWD") == Decimal("1.234")

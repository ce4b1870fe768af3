"""Number series: consecutive numbers of a prefix and year, without gaps."""

from datetime import date

from django.db.models import F

from billing.errors import WrongStatus
from billing.models import NumberSeries


def next_number(prefix: str, day: date, *, is_test: bool = False) -> str:
    """The next number of the series of a day's year; its row stays locked until commit.

    Test documents have a series of their own. Raises WrongStatus for a day in a year before one
    that has numbers: numbers, dates and postings go forward together.
    """
    if is_test:
        prefix = f"{prefix}-TEST"
    elif NumberSeries.objects.filter(prefix=prefix, year__gt=day.year, last__gt=0).exists():
        raise WrongStatus(
            f"The series {prefix}-{day.year} has ended: a later year has numbers already."
        )
    NumberSeries.objects.bulk_create(
        [NumberSeries(prefix=prefix, year=day.year)], ignore_conflicts=True
    )
    series = NumberSeries.objects.select_for_update().get(prefix=prefix, year=day.year)
    NumberSeries.objects.filter(pk=series.pk).update(last=F("last") + 1)
    return f"{prefix}-{day.year}-{series.last + 1:06}"

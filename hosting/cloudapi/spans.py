"""The span of time that an analytics field or edge asks about."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from hosting.errors import CloudApiError

Parameters = Mapping[str, tuple[str, ...]]
# Two vocabularies of one protocol: `analytics` says DAY and MONTH, the others DAILY and MONTHLY.
GRANULARITIES = ("HALF_HOUR", "DAY", "DAILY", "MONTH", "MONTHLY")
LONGEST = timedelta(days=400)


def span(parameters: Parameters) -> tuple[datetime, datetime, str]:
    """Start, end and granularity; raises 100 where one is missing or wrong."""
    moments = []
    for name in ("start", "end"):
        raw = "".join(parameters.get(name, ()))
        if not (raw.isascii() and raw.isdigit() and len(raw) <= 11):
            raise CloudApiError(100, f"{name} is required, in seconds since 1970.", field=name)
        moments.append(datetime.fromtimestamp(int(raw), UTC))
    granularity = "".join(parameters.get("granularity", ("DAY",))).upper()
    if granularity not in GRANULARITIES:
        raise CloudApiError(
            100, f"granularity must be one of {', '.join(GRANULARITIES)}.", field="granularity"
        )
    if not moments[0] < moments[1] <= moments[0] + LONGEST:
        raise CloudApiError(
            100, f"start must be before end, by at most {LONGEST.days} days.", field="end"
        )
    return moments[0], moments[1], granularity

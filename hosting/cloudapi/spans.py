"""The time span parameters of analytics fields and edges."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from hosting.errors import CloudApiError

Parameters = Mapping[str, tuple[str, ...]]
# `analytics` uses DAY and MONTH, the other edges DAILY and MONTHLY.
GRANULARITIES = ("HALF_HOUR", "DAY", "DAILY", "MONTH", "MONTHLY")
MAX_SPAN = timedelta(days=400)


def time_span(parameters: Parameters) -> tuple[datetime, datetime, str]:
    """Return start, end and granularity; raise CloudApiError 100 if one is missing or invalid."""
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
    if not moments[0] < moments[1] <= moments[0] + MAX_SPAN:
        raise CloudApiError(
            100, f"start must be before end, by at most {MAX_SPAN.days} days.", field="end"
        )
    return moments[0], moments[1], granularity

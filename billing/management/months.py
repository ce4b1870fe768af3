"""Months as command-line arguments."""

from argparse import ArgumentTypeError
from datetime import date


def month_of(text: str) -> date:
    """`2026-05` as 1 May 2026; raises ArgumentTypeError for anything else."""
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        raise ArgumentTypeError(f"'{text}' is not a month: write YYYY-MM.") from None

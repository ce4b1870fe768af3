"""Numbers that a program adds to an account: simulated ones, for the sandbox."""

from typing import Any

from django.db import IntegrityError, transaction

from accounts.audit import record
from core import widths
from hosting.cloudapi.json import as_text
from hosting.cloudapi.phone_numbers import NoNumber, digits_of_number
from hosting.cloudapi.texts import visible_name
from hosting.errors import CloudApiError
from hosting.models import Account, Number, Transport


def add_number(account: Account, given: dict[str, Any]) -> Number:
    """Add a sandbox number to an account: unverified and unregistered, as a network's are.

    Raises CloudApiError: 100 for what is wrong or known already, 131042 over the plan's numbers.
    """
    if getattr(account, "upstream", None) is not None:
        raise CloudApiError(100, "Add the number at the account's network, then connect it here.")
    name = visible_name(as_text(given.get("verified_name")))
    if not 1 <= len(name) <= widths.BUSINESS_NAME:
        raise CloudApiError(
            100,
            f"verified_name must have 1 to {widths.BUSINESS_NAME} characters.",
            field="verified_name",
        )
    digits = _digits(as_text(given.get("cc")), as_text(given.get("phone_number")))
    try:
        with transaction.atomic():
            number = Number.objects.create(
                business_id=account.business_id,
                account=account,
                digits=digits,
                verified_name=name,
                transport=Transport.SANDBOX,
                is_test=True,
                is_verified=False,
                is_registered=False,
            )
    except IntegrityError as error:
        found = getattr(error.__cause__, "diag", None)
        if found is not None and found.constraint_name == "numbers_within_plan":
            raise CloudApiError(131042, str(found.message_primary)) from None
        raise CloudApiError(
            100, "This number is in the business already.", field="phone_number"
        ) from None
    record.record(action="number.added", subject=number, business=account.business)
    return number


def _digits(code: str, number: str) -> str:
    """Return the digits of a number given with or without its country code `code`."""
    code = code.lstrip("+")
    has_code = not code or number.lstrip("+").startswith(code)
    try:
        return digits_of_number(number if has_code else f"{code}{number}")
    except NoNumber:
        raise CloudApiError(
            100, "phone_number must be a phone number of 7 to 15 digits.", field="phone_number"
        ) from None

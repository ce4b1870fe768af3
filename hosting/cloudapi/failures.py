"""Codes of failed messages in status webhooks, from the error table of the Cloud API."""

from typing import Any

# Code -> (title, details). Only codes that come by webhook; others refuse the request.
FAILURES: dict[int, tuple[str, str]] = {
    130472: (
        "User's number is part of an experiment",
        "The recipient takes part in an experiment and gets no marketing templates.",
    ),
    131000: ("Something went wrong", "The message was not sent for an unknown reason; try again."),
    131026: (
        "Message undeliverable",
        "The recipient cannot be reached on WhatsApp, or uses too old a version.",
    ),
    131042: (
        "Business eligibility payment issue",
        "There is a problem with the account's payment method.",
    ),
    131047: (
        "Re-engagement message",
        "More than 24 hours have passed since the recipient wrote last.",
    ),
    131048: (
        "Spam rate limit hit",
        "Too many messages of this number were blocked or reported as spam.",
    ),
    131049: (
        "This message was not delivered to maintain healthy ecosystem engagement.",
        "The recipient has had as many marketing templates as the network allows for now.",
    ),
    131050: (
        "User has stopped marketing messages",
        "The recipient chose to get no marketing templates of this number.",
    ),
    131053: (
        "Media upload error",
        "The file could not be taken in for delivery; check its type and size.",
    ),
}


def error_of(code: int) -> dict[str, Any]:
    """Return the error object of a `failed` status for a code of FAILURES."""
    title, details = FAILURES[code]
    return {"code": code, "title": title, "message": title, "error_data": {"details": details}}

"""Errors that any app may raise, each with a `code`, an HTTP `status` and a `message`."""


class ParleyError(Exception):
    """Base of errors that become responses and are not logged as faults."""

    code = "error"
    status = 400
    message = "The request could not be carried out."

    def __init__(self, message: str | None = None) -> None:
        self.message = message or self.message
        super().__init__(self.message)


class NotYours(ParleyError):
    """The named object does not exist, or belongs to another business."""

    code = "not_found"
    status = 404
    message = "Not found."


class NotAllowed(ParleyError):
    """The role or API key does not allow this on an object of the own business."""

    code = "forbidden"
    status = 403
    message = "Your role does not allow this."


class BadInput(ParleyError):
    """An input is invalid; `field` names it."""

    code = "invalid"
    status = 400

    def __init__(self, message: str, *, field: str = "") -> None:
        self.field = field
        super().__init__(message)

"""Errors that any app may raise: each has a `code`, an HTTP `status` and a `message` for the reader."""


class ParleyError(Exception):
    """Base of all errors that are answered, not logged as faults."""

    code = "error"
    status = 400
    message = "The request could not be carried out."

    def __init__(self, message: str | None = None) -> None:
        self.message = message or self.message
        super().__init__(self.message)


class NotYours(ParleyError):
    """The thing named does not exist for this business."""

    code = "not_found"
    status = 404
    message = "Not found."


class NotAllowed(ParleyError):
    """The thing is yours, but your role or key does not reach it."""

    code = "forbidden"
    status = 403
    message = "Your role does not allow this."


class BadInput(ParleyError):
    """An input is refused; `field` names it."""

    code = "invalid"
    status = 400

    def __init__(self, message: str, *, field: str = "") -> None:
        self.field = field
        super().__init__(message)

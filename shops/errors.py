"""Errors of shops, each with a code and a message for the reader."""

from core.errors import ParleyError


class ShopError(ParleyError):
    """Base of the errors a shop raises."""

    code = "shop"
    status = 409


class OutOfStock(ShopError):
    """Less is in stock than was asked for.

    `short` maps retailer ids to what is left.
    """

    code = "out_of_stock"

    def __init__(self, short: dict[str, int]) -> None:
        self.short = short
        left = ", ".join(f"{name}: {count}" for name, count in sorted(short.items()))
        super().__init__(f"Not enough in stock. Left: {left}.")


class WrongState(ShopError):
    """The order is in a state that does not allow the action."""

    code = "wrong_state"


class TooMuch(ShopError):
    """The amount or quantity exceeds what is left."""

    code = "too_much"
    status = 400

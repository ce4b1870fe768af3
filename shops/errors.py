"""What shops refuse, each with a code and a sentence for the reader."""

from core.errors import ParleyError


class ShopError(ParleyError):
    """Base of what a shop refuses."""

    code = "shop"
    status = 409


class OutOfStock(ShopError):
    """Less is in stock than is wanted; `short` holds what is left, by the product's retailer id."""

    code = "out_of_stock"

    def __init__(self, short: dict[str, int]) -> None:
        self.short = short
        left = ", ".join(f"{name}: {count}" for name, count in sorted(short.items()))
        super().__init__(f"Not enough in stock. Left: {left}.")


class WrongState(ShopError):
    """The order is not in a state in which that can be done."""

    code = "wrong_state"


class TooMuch(ShopError):
    """More than is left."""

    code = "too_much"
    status = 400

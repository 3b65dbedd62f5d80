"""How a request may name a row, in the place of its columns."""

from dataclasses import dataclass

from evergreen.errors import DeclarationError


@dataclass(frozen=True, kw_only=True)
class Serving:
    """A request may hold a key, and the row is read from the source.

    `Serving(key=("customer",))`: the newest row of a customer answers, by `source.timestamp`.
    """

    key: tuple[str, ...]
    """Columns of `source.key` that a request names a row by; without a timestamp all of them."""

    def __post_init__(self) -> None:
        if not isinstance(self.key, tuple) or not self.key:
            raise DeclarationError("serving.key", self.key, 'a tuple of columns, as ("customer",)')

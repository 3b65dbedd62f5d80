"""The rule for numbers."""

import math
from collections.abc import Mapping
from dataclasses import fields
from numbers import Integral, Real
from typing import Any

from evergreen.errors import DeclarationError


def check_numbers(prefix: str, declared: Any) -> None:
    """Refuse NaN and infinity in a declaration: with NaN, no comparison finds anything wrong.

    `prefix` comes before the name of the field: `gate.`.

    Raises:
        DeclarationError: a field holds one, by itself or by a name.
    """
    for one in fields(declared):
        value = getattr(declared, one.name)
        held = value.values() if isinstance(value, Mapping) else (value,)
        if any(map(_is_endless, held)):
            raise DeclarationError(f"{prefix}{one.name}", value, "a finite number")


def _is_endless(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, Integral) and not math.isfinite(value)

"""Values as plain JSON, as keys and samples go on record."""

import math
from typing import Any


def plain(cell: Any) -> Any:
    """Turn a value into plain JSON; what JSON cannot say (inf, dates) becomes text."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return None
    if isinstance(cell, float) and math.isinf(cell):
        return str(cell)
    return cell if isinstance(cell, bool | int | float | str) else str(cell)

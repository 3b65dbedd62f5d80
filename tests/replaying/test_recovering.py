import numpy as np
import pytest

from evergreen.replaying.recovering import falls

CALM = np.tile([0.80, 0.82, 0.79, 0.81], 6)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (CALM, []),
        (np.append(CALM, CALM - 0.3), [24]),
        (np.concatenate([CALM, CALM - 0.2, CALM - 0.4]), [24, 48]),
        (np.append(CALM, CALM + 0.3), []),
        (CALM[:5], []),
    ],
)
def test_a_change_point_is_where_a_line_falls_for_good(line: np.ndarray, found: list[int]) -> None:
    assert falls(line) == found

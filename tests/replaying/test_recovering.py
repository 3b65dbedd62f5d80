import numpy as np
import pytest

from evergreen.replaying.recovering import _blocks, falls

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


@pytest.mark.parametrize(
    ("line", "after"),
    [
        ([0.0, 1.0, 1.0, 1.0, 0.0], 1.0),
        ([0.0, 0.0, 1.0, 1.0, 1.0], 2.0),
        ([0.0, 0.0, 0.0, 1.0, 1.0], None),  # two blocks are not three
        ([0.0, 0.0, 0.0, 0.0, 1.0], None),
    ],
)
def test_three_blocks_together_tell_that_a_policy_has_recovered(
    line: list[float], after: float | None
) -> None:
    assert _blocks(np.array(line), 0.8) == after

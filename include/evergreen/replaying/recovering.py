"""How long a policy takes to recover after the world has changed.

A change point is where the metric of "never retrain" falls for good: the cut before which its
blocks were better on average than after it, by more than 4 standard errors of the blocks' noise
(found as the largest such fall, then again in both parts; at least 4 blocks on either side).
Seasons may look like a change too: it is a hint, not a proof.

What can be regained after it is the lead of the best policy over "never retrain", over the later
half of the blocks up to the next change point. A policy has recovered at the first block from
which on three blocks together regain 80 % of that lead; the days from the change point to the
start of that block are averaged over the change points. None: there is no change point, nothing is
regained by anybody, or the policy did not recover from one of them.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from evergreen.replaying.history import History

Floats = NDArray[np.float64]

LEAST = 4
"""Blocks on either side of a change point."""
SURE = 4.0
"""Standard errors that a fall must exceed."""
REGAINED = 0.8
TOGETHER = 3


def days(
    history: History, over_time: Mapping[str, Floats], never: Floats | None
) -> dict[str, float | None]:
    """Return for each policy how many days it took to recover, on average."""
    if never is None:
        return dict.fromkeys(over_time, None)
    sign = 1 if history.use_case.more_is_better else -1
    lines = {name: _filled(sign * values) for name, values in over_time.items()}
    reference = _filled(sign * never)
    points = falls(reference)
    ends = [*points[1:], len(reference)] if points else []
    step = history.period.step.total_seconds() / 86_400
    taken: dict[str, list[float | None]] = {name: [] for name in lines}
    for start, end in zip(points, ends, strict=True):
        level = _aim(lines, reference, start, end)
        for name, line in lines.items():
            if level is not None:
                taken[name].append(_blocks(line[start:end], level))
    return {name: _mean(found, step) for name, found in taken.items()}


def falls(line: Floats) -> list[int]:
    """Return the first block after each fall, where more is better."""
    if len(line) < 2 * LEAST:
        return []
    cuts = range(LEAST, len(line) - LEAST + 1)
    sure = [_fall(line, cut) for cut in cuts]
    largest = int(np.argmax(sure))
    if sure[largest] <= SURE:
        return []
    cut = cuts[largest]
    return [*falls(line[:cut]), cut, *(cut + later for later in falls(line[cut:]))]


def _fall(line: Floats, cut: int) -> float:
    before, after = line[:cut], line[cut:]
    noise = np.sqrt(before.var(ddof=1) / len(before) + after.var(ddof=1) / len(after))
    return float((before.mean() - after.mean()) / max(noise, 1e-12))


def _aim(lines: Mapping[str, Floats], never: Floats, start: int, end: int) -> float | None:
    """Return the level at which a policy has recovered; None: nobody regains anything."""
    later = slice(start + (end - start) // 2, end)
    lost = float(never[later].mean())
    lead = max(float(line[later].mean()) for line in lines.values()) - lost
    return lost + REGAINED * lead if lead > 0 else None


def _blocks(line: Floats, level: float) -> float | None:
    """Return after how many blocks the next few reach the level."""
    starts = range(len(line) - TOGETHER + 1)
    means = (line[start : start + TOGETHER].mean() for start in starts)
    return next((float(after) for after, mean in enumerate(means) if mean >= level), None)


def _mean(found: list[float | None], step: float) -> float | None:
    known = [one for one in found if one is not None]
    return step * float(np.mean(known)) if found and len(known) == len(found) else None


def _filled(line: Floats) -> Floats:
    """Return the blocks, each without a figure with that of the block before."""
    known = np.flatnonzero(np.isfinite(line))
    if not len(known):
        return np.zeros(len(line))
    before = np.searchsorted(known, np.arange(len(line)), side="right") - 1
    filled: Floats = line[known[before.clip(min=0)]]
    return filled

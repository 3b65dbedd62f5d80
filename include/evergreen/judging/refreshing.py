"""The checks of a refresh: the recipe in charge, fitted anew, needs no superiority.

What is checked is what can be known before its labels come: whether it still answers much as the
fit before it did, and whether the newest labels are of the kind that came before.
"""

from evergreen.judging.evidence import Evidence, Fit
from evergreen.judging.facts import Outcome, Unknown, finite, limit
from evergreen.judging.figures import figure, figures
from evergreen.spec import Gate

LEAST = 5
"""So many earlier refreshes tell what is usual; so many stretches, which labels are."""
TIMES = 4.0
"""A refresh may disagree so many times more than the most of those before it did."""
ERRORS = 2.0
"""A mean label is no stranger for standing so many of its standard errors beyond those before."""


def agreement(gate: Gate, evidence: Evidence) -> Outcome:
    """The new fit answers the newest rows much as the one that serves does.

    Allowed is `gate.max_disagreement`, or four times the most of the refreshes before, if that is
    less; where none of these changed an answer, nothing is known of what a change may be.
    """
    fit = _fit(evidence)
    if fit.disagreement is None:
        return True, "the fit that serves cannot be asked any more: there is nothing to agree with"
    allowed = limit(gate, "max_disagreement")
    if len(fit.usual) >= LEAST and any(fit.usual):
        allowed = min(allowed, TIMES * max(fit.usual))
    found, most = figures(finite(fit.disagreement, "how far the fits disagree"), allowed)
    words = f"its answers to the newest rows differ by {found} on average from those of the fit"
    if fit.disagreement > allowed:
        return False, f"{words} that serves, more than {most}"
    return True, f"{words} that serves (at most {most})"


def labels(gate: Gate, evidence: Evidence) -> Outcome:
    """The mean label of the newest stretch is no stranger than the history allows.

    Nor than chance does: where events are rare, the first for a long time is no reason to stop.
    """
    fit = _fit(evidence)
    newest = finite(fit.label, "the mean label of the newest rows")
    if len(fit.labels) < LEAST:
        return True, f"{len(fit.labels)} stretches before are too few to call a label strange"
    least, most = min(fit.labels), max(fit.labels)
    reach = limit(gate, "max_label_shift") * (most - least)
    low, high = least - reach, most + reach
    words = f"the mean label of the newest stretch is {figure(newest)}"
    before = f"{figure(least)} to {figure(most)} in the {len(fit.labels)} stretches before"
    if low <= newest <= high:
        return True, f"{words}, and was {before}"
    if max(least - newest, newest - most) <= ERRORS * (fit.label_error or 0.0):
        return True, f"{words}, and was {before}: by no more than two of its standard errors"
    return False, f"{words}, and was {before}: further than max_label_shift allows"


def _fit(evidence: Evidence) -> Fit:
    if evidence.fit is None:
        raise Unknown("nothing was fitted")
    return evidence.fit

"""The page that Airflow shows above a monitoring DAG, written from the declaration."""

from evergreen.spec import Kind, UseCase
from evergreen.spec.lengths import percent, spelled

PAGE = """
### Is what the champion of {name} is asked still what it learned from?

| | |
| --- | --- |
| Window | the {window} of logged predictions before the run is due |
| Runs | {schedule} |
| Held against | the training rows of the snapshot that the present champion was trained on |
| Columns | {columns} |
| Alarms | drifted columns{pairs} (critical above {critical} of them), drifted answers, \
{confidence}nulls, categories never seen, far more or fewer rows, \
live quality worse than in the walk forward (critical beyond the gate's floor) |
| Without labels | {estimate} |
| False alarms | at most {false_alarms} of windows without a change |
| The way back | {way_back} |
| Too few | below {min_rows} rows a window is unknown; below {min_labels} labels, its live quality |
| Owner | {owner} |

**To read the outcome**, look at the note of the run, or at **Drift** in the menu: a report with a
picture of each column, and Evidently's own beside it. *Unknown* says that something could not be
measured, and what; it never means that all is well.

**To watch another stretch**, press *Trigger* and fill in its end (and start). The same window is
watched once for each champion: a second run gives the same answer, unless that was *unknown*.
"""
BACK = (
    "where live quality is poor and the fit that served before surely would have answered better,"
    " it is champion again at once, pinned, and people are told (unless a person has pinned the"
    " champion: then they are only told)"
)


def doc_md(use_case: UseCase) -> str:
    """Return the page as Markdown."""
    limits = use_case.monitoring
    return PAGE.format(
        name=use_case.name,
        window=spelled(limits.window),
        schedule=f"`{limits.schedule}`" if limits.schedule else "by hand",
        columns=", ".join(f"`{name}`" for name in use_case.compared(use_case.features.raw)),
        critical=percent(limits.critical_share),
        pairs=", by themselves or two only together" if limits.pairs else "",
        confidence=_confidence(use_case),
        estimate=_estimate(use_case),
        false_alarms=percent(limits.false_alarms),
        way_back=BACK if use_case.retraining.roll_back else "left to people",
        min_rows=limits.min_rows,
        min_labels=limits.min_labels,
        owner=use_case.owner,
    )


def _confidence(use_case: UseCase) -> str:
    """Say from where on answers are too unsure; empty: nothing says how sure they are, or asks."""
    least = use_case.monitoring.min_confidence
    if least is None or use_case.kind is Kind.REGRESSION:
        return ""
    return f"mean top probability under {least:g} and surely less than usual, "


def _estimate(use_case: UseCase) -> str:
    trusted = "critical and a cause to retrain, if surely beyond the gate's floor"
    told = trusted if use_case.monitoring.trust_estimate else "for information"
    values = use_case.kind is Kind.REGRESSION
    by = "a model of the error" if values else "calibrated probabilities"
    return (
        f"live metrics estimated by {by}, {told}; blind to changed labels, and no more than told"
        " where rows go that the walk forward never held"
    )

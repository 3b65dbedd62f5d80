"""The page that Airflow shows above a training DAG, written from the declaration."""

from typing import Any

from evergreen.spec import UseCase
from evergreen.spec.lengths import percent, spelled

PAGE = """
### {doc}
{draft}
| | |
| --- | --- |
| Predicts | `{target}` ({kind}) |
| Source | {source} |
| Runs | {schedule}{after} |
| Retrained besides | {retraining} |
| Candidates | {candidates} |
| Must beat | {baselines} |
| Gate | {floors}; better than the champion in `{metric}`, with {confidence} confidence |
| Owner | {owner} |

**To start a run**, press *Trigger*. Every field of the form may stay empty. *Dry run* lets the gate
decide without promoting; *As of* trains on what was known at that moment.

**To see why a run happened**, look at its id and its note, or at the log of `extract`: monitoring
starts runs as `drift__…`, `quality__…` or `new_rows__…`, with the window and its report.

**To read the outcome**, look at the note of the run, or at **Models** in the menu.
Every training *refreshes*: unless another recipe surely is better (`gate`), the recipe in charge is
fitted anew on all mature rows (`fit`), and that fit serves. A green run whose `promote` is skipped
did its work: there was nothing new to learn, or the fit was not let through, and the note says why.
A red `extract` or `validate` means that the data was refused before any training:
**Data Docs** shows the rows. Nothing was promoted; mend the source and trigger again.

**Labels that are late** stop no training: a row whose label is due and has not come is left out
until it has, and the note of the run says how many. Only when more than {max_unlabelled} of the
newest rows wait for theirs is the data refused (`max_unlabelled`).

**To go back** to an earlier champion, open **Models** and follow its link, or trigger
`{prefix}operations_rollback`.
"""

DRAFT = """
**This is a draft.** It is trained by hand only, and nothing of it goes live: the gate decides and
reports, as in a dry run. Read the declaration and its expectations, put them right, and then
`evergreen activate {name}`.
"""


def doc_md(use_case: UseCase, schedule: Any, prefix: str = "") -> str:
    """Return the page of a DAG of that schedule, as Markdown; names of DAGs have the prefix."""
    return PAGE.format(
        doc=use_case.doc,
        draft=DRAFT.format(name=use_case.name) if use_case.draft else "",
        target=use_case.source.target,
        kind=use_case.kind.value,
        source=_source(use_case),
        retraining=retraining(use_case),
        schedule=f"`{schedule}`" if schedule else "by hand",
        after=after(use_case, prefix),
        prefix=prefix,
        candidates=_names(c.name for c in use_case.contenders),
        baselines=_names(c.name for c in use_case.baselines),
        floors=floors(use_case),
        metric=use_case.gate.metric,
        confidence=percent(use_case.gate.confidence),
        owner=use_case.owner,
        max_unlabelled=percent(use_case.source.max_unlabelled),
    )


def after(use_case: UseCase, prefix: str = "") -> str:
    """Say what a training waits for."""
    if use_case.ingest is None:
        return ""
    files = f"{prefix}{use_case.name}_ingest"
    return f", after `{files}` where both are due, or one runs (an hour at most)"


def floors(use_case: UseCase) -> str:
    """Say the floors of the gate, as `accuracy ≥ 0.9, f1 ≥ 0.88`."""
    better = use_case.scale.directions
    return ", ".join(
        f"`{name}` {'≥' if better[name] else '≤'} {limit:g}"
        for name, limit in use_case.gate.floors.items()
    )


def retraining(use_case: UseCase) -> str:
    """Say when monitoring asks for a training."""
    rules = use_case.retraining
    rows = f"; or {rules.new_rows} new labelled rows" if rules.new_rows else ""
    return (
        f"when {rules.alarming} of {rules.of_windows} windows drift critically, or have a live"
        f" metric surely beyond its floor or worse than in the walk forward{rows};"
        f" {spelled(rules.cooldown)} apart, at most {rules.budget} a week"
    )


def _source(use_case: UseCase) -> str:
    table = use_case.source.table
    return f"PostgreSQL table `{table}`" if table else "a query in PostgreSQL"


def _names(names: "object") -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"  # type: ignore[attr-defined]

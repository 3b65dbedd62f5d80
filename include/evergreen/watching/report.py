"""The report of a window: HTML and JSON of our own, and Evidently's HTML beside them.

`drift/<use case>/<report id>/` of the store holds `report.html` (self-contained, without scripts),
`report.json` (decision, findings, every fact) and `evidently.html`, which is large and is kept for
windows that alarm and for the newest calm ones.
"""

import json
from dataclasses import dataclass

import pandas as pd

from evergreen.judging.report import environment
from evergreen.refs import Outcome, Window, WindowRef
from evergreen.spec import UseCase
from evergreen.storage import Store
from evergreen.watching.drift import Compared
from evergreen.watching.facts import Facts
from evergreen.watching.pairs import Paired
from evergreen.watching.pictures import HEIGHT, WIDTH, Grid, Picture, grid, histogram
from evergreen.watching.verdict import Judged

HTML, JSON, EVIDENTLY = "report.html", "report.json", "evidently.html"
CALM_ONES = 24
"""How many of the newest calm windows keep Evidently's page."""
MOST_PICTURES, MOST_GRIDS = 40, 3


@dataclass(frozen=True)
class Pictures:
    """The samples that were compared, for the report's pictures."""

    reference: pd.DataFrame | None = None
    window: pd.DataFrame | None = None
    compared: Compared = Compared((), None)  # noqa: RUF009
    paired: Paired = Paired()  # noqa: RUF009

    def drawn(self) -> list[Picture]:
        """Draw the drifted columns first, the furthest beyond its threshold before the others."""
        if self.reference is None or self.window is None:
            return []
        order = sorted(self.compared.columns, key=lambda c: c.threshold / max(c.distance, 1e-9))
        return [
            histogram(c.name, c.kind, self.reference[c.name], self.window[c.name])
            for c in order[:MOST_PICTURES]
        ]

    def grids(self) -> list[Grid]:
        """Draw the pairs that went apart; if none did, the furthest."""
        facts, before, now = self.paired.facts, self.paired.before, self.paired.now
        if facts is None or before is None or now is None:
            return []
        shown = facts.beyond or facts.found[:1]
        return [grid(p.first, p.second, before, now) for p in shown[:MOST_GRIDS]]


def identify(window: Window, version: int) -> str:
    """Return the id of the report on a window, such as `20261121T150000-3600s-v3`."""
    seconds = (window.end - window.start).total_seconds()
    return f"{window.end:%Y%m%dT%H%M%S}-{seconds:.0f}s-v{version}"


def write(
    use_case: UseCase,
    facts: Facts,
    judged: Judged,
    seen: WindowRef,
    pictures: Pictures,
    store: Store,
) -> None:
    """Write the three files; each appears whole or not at all, the page last."""
    folder = f"{use_case.name}/{seen.report_id}"
    full = pictures.compared.html()
    if full is not None:
        store.publish(f"{folder}/{EVIDENTLY}", full)
    document = {
        "decision": seen.to_json(),
        "findings": [{"severity": f.severity, "sentence": f.sentence} for f in judged.findings],
        "facts": facts.to_json(),
    }
    text = json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False)
    store.publish(f"{folder}/{JSON}", text)
    page = (
        environment()
        .get_template("drift.html.jinja")
        .render(
            use_case=use_case,
            facts=facts,
            judged=judged,
            seen=seen,
            limits=use_case.monitoring,
            pictures=pictures.drawn(),
            grids=pictures.grids(),
            drifted={column.name for column in pictures.compared.columns if column.drifted},
            evidently=full is not None,
            width=WIDTH,
            height=HEIGHT,
        )
    )
    store.publish(f"{folder}/{HTML}", page)
    tidy(use_case, store)


def tidy(use_case: UseCase, store: Store) -> None:
    """Drop Evidently's page of calm windows that are not among the newest."""
    for page in store.list(f"{use_case.name}/*/{EVIDENTLY}")[::-1][CALM_ONES:]:
        facts = store.read(page.replace(EVIDENTLY, JSON))
        if json.loads(facts)["decision"]["outcome"] == Outcome.CALM:
            store.delete(page)

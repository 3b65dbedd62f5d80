"""The concept changes in a table: live quality falls, and another recipe takes over and cures it.

A rival lures customers away. What takes half a year is there at once (`demo.rival`): the labels of
the newest customers are drawn anew. Traffic are customers that no model has learned from yet.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from rich.bar import Bar
from rich.table import Table

from evergreen.data.warehouse import connect
from evergreen.deciding.policy import HELD, RETRAIN
from evergreen.records import Retrained
from evergreen.refs import WindowRef
from evergreen_workshop.demo import rival
from evergreen_workshop.demonstration.stage import Explained, Stage, Unexpected

NAME, ROWS = "churn", 400
AGO = timedelta(days=150)
"""The rival came so long ago: labels come after 30 days, and the gate wants to see them."""


@dataclass(frozen=True)
class Seen:
    """The live metric of a window."""

    when: str
    window: WindowRef


def tell(stage: Stage) -> None:
    """Tell it from beginning to end.

    Raises:
        Unexpected: something came out otherwise.
        StackError: a part of the stack does not answer.
    """
    before = stage.introduce()
    _check_that_the_rival_is_not_there(stage)
    stage.chapter("1. Customers as they were")
    calm = _watch(stage, "customers of the last weeks", seed=1)
    stage.chapter("2. A rival lures others away")
    since = datetime.now(UTC).date() - AGO
    changed = rival.change(stage.settings.warehouse_url, since)
    stage.say(f"Since {since} other customers leave: {changed:,} labels in the table changed.")
    poor, asked = _fall(stage)
    stage.chapter("3. Airflow trains anew, and says why")
    judged = stage.retraining(asked)
    stage.expect(judged.outcome == "passed", "another recipe takes over")
    stage.chapter("4. The service follows the ledger")
    stage.swap(before, judged)
    stage.chapter("5. Cured")
    cured = _watch(stage, "the customers of today", seed=9)
    _show(stage, [Seen("as it was", calm), Seen("rival", poor), Seen("cured", cured)])
    gained = (cured.live or 0) - (poor.live or 0)
    lost = (calm.live or 0) - (poor.live or 0)
    stage.expect(gained > 0.5 * lost, f"{gained / lost:.0%} of what was lost is back")


def _check_that_the_rival_is_not_there(stage: Stage) -> None:
    with connect(stage.settings.warehouse_url) as connection, connection.cursor() as statement:
        since = rival.changed_since(statement)
    if since is not None:
        raise Explained(
            f"The rival came on {since} already; `make clean` and `make up` begin anew, and"
            " `make demo STORY=drift` tells another story."
        )


def _watch(stage: Stage, what: str, seed: int) -> WindowRef:
    return stage.watch(what, rows=ROWS, seed=seed, fresh=True)[0]


def _fall(stage: Stage) -> tuple[WindowRef, Retrained]:
    """Send traffic until monitoring asks for a retraining; return the window, and what it asked."""
    rules = stage.use_case.retraining
    for number in range(1, rules.of_windows + 1):
        window, decision = stage.watch("the customers of today", rows=ROWS, seed=number, fresh=True)
        stage.expect(decision.outcome in {RETRAIN, HELD} or number < rules.alarming, "it is seen")
        if asked := stage.asked(window.champion):
            return window, asked
        if decision.outcome == HELD:
            raise Explained("The policy holds the retraining back, for the reason above.")
    raise Unexpected(f"{rules.of_windows} windows were poor, and nobody asked for a retraining")


def _show(stage: Stage, seen: list[Seen]) -> None:
    """Draw the live metric before, during and after."""
    metric, floor = seen[0].window.metric, seen[0].window.floor
    picture = Table(box=None, title=f"live {metric} of {stage.use_case.name}", title_justify="left")
    for each in seen:
        live = each.window.live or 0.0
        enough = floor is not None and live >= floor
        picture.add_row(
            each.when,
            f"version {each.window.champion}",
            Bar(1.0, 0, live, width=50, color="green" if enough else "red"),
            f"{live:.3f}",
        )
    if floor is not None:
        mark = Bar(1.0, floor - 0.01, floor, width=50)
        picture.add_row("the gate's floor", "", mark, f"{floor:g}")
    stage.console.print(picture)

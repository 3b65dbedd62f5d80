"""The inputs of requests change: warmer, drier weather, and monitoring asks for a retraining."""

from datetime import UTC, datetime, timedelta

from evergreen.deciding.policy import HELD, RETRAIN, drifted
from evergreen.records import Retrained
from evergreen_workshop.demonstration.stage import Explained, Stage, Unexpected

NAME, ROWS = "weather", 150
AGO = timedelta(days=10)
WARMER_AND_DRIER = ("temp_max=+2sd", "temp_min=+2sd", "precipitation=*0.2")


def tell(stage: Stage) -> None:
    """Tell it from beginning to end.

    Raises:
        Unexpected: something came out otherwise.
        StackError: a part of the stack does not answer.
    """
    stage.introduce()
    stage.say("Let it be ten days old: one that has learned all there is has nothing to learn.")
    before = stage.train(datetime.now(UTC) - AGO, "make demo: a champion of ten days ago")
    stage.chapter("1. The weather as it was")
    window, decision = stage.watch("ordinary weather", rows=ROWS, seed=1)
    stage.expect(not drifted(window), "no drift in ordinary traffic")
    stage.expect(decision.outcome != RETRAIN, "no retraining without a cause")
    stage.chapter("2. Warmer and drier")
    asked = _drift(stage)
    stage.chapter("3. Airflow trains anew, and says why")
    judged = stage.retraining(asked)
    stage.chapter("4. The service follows the ledger")
    stage.swap(before, judged)
    stage.chapter("5. And if it goes on?")
    _, decision = stage.watch("warmer, drier weather", *WARMER_AND_DRIER, rows=ROWS, seed=9)
    stage.expect(decision.outcome != RETRAIN, "nothing is trained twice for one cause")


def _drift(stage: Stage) -> Retrained:
    """Send shifted traffic until monitoring asks for a retraining; return what it asked for."""
    rules, what = stage.use_case.retraining, "warmer, drier weather"
    for number in range(1, rules.of_windows + 1):
        window, decision = stage.watch(what, *WARMER_AND_DRIER, rows=ROWS, seed=number)
        stage.expect(drifted(window), f"{len(window.drifted)} columns drifted critically")
        if decision.outcome in {RETRAIN, HELD} and (asked := stage.asked(window.champion)):
            enough = f"{rules.alarming} of {rules.of_windows} windows are enough"
            stage.expect(number <= rules.alarming, enough)
            return asked
        if decision.outcome == HELD:
            raise Explained("The policy holds the retraining back, for the reason above.")
    raise Unexpected(f"{rules.of_windows} windows drifted, and nobody asked for a retraining")

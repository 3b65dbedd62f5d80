"""What moves a champion by hand, each by a form, each on record with who and why."""

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, Param, task

from evergreen.errors import DeclarationError
from evergreen.refs import Json
from evergreen_airflow import here
from evergreen_airflow.assets import UPDATES, tell_champions
from evergreen_airflow.edge import (
    RUN_TIMEOUT,
    actor,
    at_work,
    catalog,
    param,
    run_key,
    tell,
    this_run,
)
from evergreen_airflow.operations.form import by_hand, choose, reason_param, version_param

ROLLBACK = """
Makes an earlier champion champion again. It is loaded and must reproduce its golden predictions
first; the act and its reason go on record. Leave *Version* empty for the champion before this one.
"""

PROMOTE = """
Lets the newest challenger take over **whatever the gate said of it**, because you say so. It is
fitted on all mature rows, and its fit must pass its checks all the same. It goes on record as
forced, with your name and reason, and lifts a pin.
"""

UNPIN = """
Lets trainings move the champion again, to which somebody went back: a rollback pins it, and from
then on trainings judge and move nothing. The newest that waits comes with the next training.
"""

TRIAL = """
Puts a version that a gate has passed on trial beside the champion (*shadow*, *canary* by request or
*ab* by subject), ends the trial, or makes its challenger champion. `evergreen release NAME
--compare` and the page Models tell what the labels say.
"""
DEEDS = {
    "shadow": "Begin: it answers nobody, beside all requests",
    "canary": "Begin: it answers a share of the requests",
    "ab": "Begin: it answers a share of the subjects",
    "stop": "End the trial, the champion stays",
    "promote": "End the trial, its challenger takes over",
}


def rollback_dag(names: list[str], *, prefix: str = "", **options: Any) -> DAG:
    """Return the DAG that goes back to an earlier champion."""
    with by_hand(
        f"{prefix}operations_rollback",
        options,
        description="Go back to an earlier champion.",
        doc_md=ROLLBACK,
        params={
            "use_case": choose(names),
            "version": version_param(
                "Of the registry; Models lists them. Empty: the champion before."
            ),
            "reason": reason_param(),
        },
    ) as dag:

        @task(outlets=[UPDATES])
        def rollback() -> Json:
            """Promote an earlier champion, after it has proved that it still works."""
            from evergreen import cards
            from evergreen.champions import promotion

            with at_work() as kept:
                done = promotion.rollback(
                    param("use_case"),
                    to=param("version"),
                    reason=param("reason"),
                    actor=actor(),
                    ledger=kept,
                    settings=here.settings(),
                    key=run_key(),
                )
                cards.keep(param("use_case"), done, records=kept, settings=here.settings())
                tell_champions([param("use_case")], kept.promotions)
            tell(done.sentence)
            return done.to_json()

        rollback()
    return dag


def promote_dag(
    names: list[str], *, prefix: str = "", granted: timedelta = RUN_TIMEOUT, **options: Any
) -> DAG:
    """Return the DAG that lets the newest challenger take over, whatever the gate said."""
    with by_hand(
        f"{prefix}operations_promote",
        options,
        dagrun_timeout=granted,
        description="Let the newest challenger take over, whatever the gate said.",
        doc_md=PROMOTE,
        params={"use_case": choose(names), "reason": reason_param()},
    ) as dag:

        @task(outlets=[UPDATES], execution_timeout=granted)
        def promote() -> Json:
            """Fit the newest challenger, check its fit, and make it champion."""
            from evergreen import steps

            with at_work() as kept:
                done = steps.force(
                    catalog().find(param("use_case")),
                    this_run(),
                    reason=param("reason"),
                    records=kept,
                    settings=here.settings(),
                )
                tell_champions([param("use_case")], kept.promotions)
            tell(done.sentence)
            return done.to_json()

        promote()
    return dag


def unpin_dag(names: list[str], *, prefix: str = "", **options: Any) -> DAG:
    """Return the DAG that lifts the pin of a champion."""
    with by_hand(
        f"{prefix}operations_unpin",
        options,
        description="Let trainings move a champion again that is pinned.",
        doc_md=UNPIN,
        params={"use_case": choose(names), "reason": reason_param()},
    ) as dag:

        @task
        def unpin() -> str:
            """Lift the pin."""
            from evergreen.champions import promotion

            with at_work() as kept:
                done = promotion.unpin(
                    param("use_case"),
                    reason=param("reason"),
                    actor=actor(),
                    ledger=kept,
                    settings=here.settings(),
                )
            tell(done)
            return done

        unpin()
    return dag


def trial_dag(names: list[str], *, prefix: str = "", **options: Any) -> DAG:
    """Return the DAG that begins a trial, ends it, or makes its challenger champion."""
    with by_hand(
        f"{prefix}operations_trial",
        options,
        description="Put a version on trial beside the champion; end a trial; promote from it.",
        doc_md=TRIAL,
        params={
            "use_case": choose(names),
            "deed": Param(
                type="string", enum=list(DEEDS), values_display=DEEDS, title="What to do"
            ),
            "version": version_param(
                "That a gate has passed; needed to begin. Empty, to promote: the one on trial."
            ),
            "share": Param(
                0.1, type=["null", "number"], exclusiveMinimum=0, maximum=1, title="Share",
                description="Of the answers that it gives (canary, ab). Empty: a tenth.",
            ),
            "reason": reason_param(),
        },
    ) as dag:  # fmt: skip

        @task(outlets=[UPDATES])
        def carry_out() -> str:
            """Begin the trial, end it, or promote from it, as the form says."""
            with at_work() as kept:
                done = _of_trial(kept)
                tell_champions([param("use_case")], kept.promotions)
            tell(done)
            return done

        carry_out()
    return dag


def _of_trial(kept: Any) -> str:
    """Do with the trial what the form says, and return that in a sentence."""
    from evergreen.serving import commands, trials

    name, deed = param("use_case"), param("deed")
    said: dict[str, Any] = {"reason": param("reason"), "actor": actor(), "records": kept}
    if deed == "stop":
        return f"The {commands.stop(name, **said).strategy} of {name} is over."
    use_case, version = catalog().find(name), param("version") or 0
    if deed == "promote":
        done = trials.promote(use_case, version=version, settings=here.settings(), **said)
        return done.sentence
    if not version:
        raise DeclarationError("version", None, "one that a gate has passed, to begin a trial")
    begun = commands.release(use_case, deed, version=version, share=param("share") or 0.1, **said)
    return f"{name}: {trials.told(begun)}."

"""What operators do by hand, each by a form of a DAG of its own.

`champion`  back to an earlier one, the newest challenger through, a pin lifted, trials
`past`      train for past days, replay the history under other policies: nothing moves
`house`     end a use case, let go of what is old
"""

from collections.abc import Callable

from airflow.sdk import DAG

from evergreen_airflow.operations.champion import promote_dag, rollback_dag, trial_dag, unpin_dag
from evergreen_airflow.operations.house import prune_dag, retire_dag
from evergreen_airflow.operations.past import backfill_dag, replay_dag

FORMS: dict[str, Callable[..., DAG]] = {
    "operations_rollback": rollback_dag,
    "operations_promote": promote_dag,
    "operations_unpin": unpin_dag,
    "operations_trial": trial_dag,
    "operations_retire": retire_dag,
    "operations_backfill": backfill_dag,
    "operations_replay": replay_dag,
    "operations_prune": prune_dag,
}
"""What makes each DAG of operations, from the names of the use cases."""
FITTING = {"operations_promote", "operations_backfill", "operations_replay"}
"""Those that fit, which takes as long as it does in a training."""

__all__ = [
    "FITTING", "FORMS", "backfill_dag", "promote_dag", "prune_dag", "replay_dag", "retire_dag",
    "rollback_dag", "trial_dag", "unpin_dag",
]  # fmt: skip

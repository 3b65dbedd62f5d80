"""The invariant of the trigger policy: what was asked for, decided and started agree."""

from collections import Counter

from evergreen.data.warehouse import reading
from evergreen.invariants.inspection import Found, Scene

ASKED = """
SELECT use_case, window_end::text, champion, run_key FROM evergreen.retrainings
"""
DECIDED = """
SELECT use_case, evidence #>> '{situation,window,end}', evidence #>> '{situation,window,champion}',
    coalesce(evidence->>'run_key', '')
FROM evergreen.decisions
WHERE kind = 'trigger' AND outcome = 'retrain' AND evidence ? 'situation'
"""
STARTED = """
SELECT dag_id || '/' || run_id FROM dag_run
WHERE dag_id ~ '_training$' AND run_id ~ '^(drift|quality|new_rows)__'
"""


def retrained_once_for_each_window(scene: Scene) -> Found:
    """8: at most one retraining for a window and champion, and each with its decision."""
    scene.ledger.migrate()
    with reading(scene.settings.database_url) as moment:
        asked, decided = moment.query(ASKED), moment.query(DECIDED)
    keys = {str(row[3]) for row in asked}
    found = Found(checked=f"{len(asked)} retrainings that monitoring asked for{scene.airflow_told}")
    windows = Counter(tuple(map(str, row[:3])) for row in asked)
    found.failed += [f"{_about(w)} was asked for {n} times" for w, n in windows.items() if n > 1]
    decisions = Counter(tuple(map(str, row[:3])) for row in decided)
    found.failed += [f"{_about(w)} was decided {n} times" for w, n in decisions.items() if n > 1]
    backed = {str(row[3]) for row in decided}
    found.failed += [f"{key} was asked for without a decision" for key in sorted(keys - backed)]
    found.failed += [f"{key} was decided and not asked for" for key in sorted(backed - keys)]
    started = {str(key) for (key,) in scene.airflow(STARTED)}
    found.failed += [f"{key} was started and not asked for" for key in sorted(started - keys)]
    return found


def _about(window: tuple[str, ...]) -> str:
    use_case, end, champion = window
    return f"{use_case}: the retraining for the window that ended {end} and version {champion}"

"""The invariant of the trigger policy: what was asked for, decided and started agree."""

from collections import Counter

from evergreen.invariants.inspection import OUR_DAGS, Found, Scene

STARTED = f"""
SELECT dag_id || '/' || run_id FROM dag_run
WHERE dag_id ~ '_training$' AND run_id ~ '^(drift|quality|new_rows)__' AND dag_id IN {OUR_DAGS}
"""


def retrained_once_for_each_window(scene: Scene) -> Found:
    """8: at most one retraining for a window and champion, and each with its decision."""
    matters = scene.records.retrainings.matters()
    asked = [matter for matter in matters if matter.asked]
    decided = [matter for matter in matters if not matter.asked]
    keys = {matter.run_key for matter in asked}
    found = Found(checked=f"{len(asked)} retrainings that monitoring asked for{scene.airflow_told}")
    windows = Counter(matter[1:4] for matter in asked)
    found.failed += [f"{_about(w)} was asked for {n} times" for w, n in windows.items() if n > 1]
    decisions = Counter(matter[1:4] for matter in decided)
    found.failed += [f"{_about(w)} was decided {n} times" for w, n in decisions.items() if n > 1]
    backed = {matter.run_key for matter in decided}
    found.failed += [f"{key} was asked for without a decision" for key in sorted(keys - backed)]
    found.failed += [f"{key} was decided and not asked for" for key in sorted(backed - keys)]
    started = {str(key) for (key,) in scene.airflow(STARTED)}
    found.failed += [f"{key} was started and not asked for" for key in sorted(started - keys)]
    return found


def _about(window: tuple[str, ...]) -> str:
    use_case, end, champion = window
    return f"{use_case}: the retraining for the window that ended {end} and version {champion}"

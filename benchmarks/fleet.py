"""How long the table of all use cases takes: 200 of them with 10,000 decisions, in PostgreSQL.

python benchmarks/fleet.py [--json]

The page Models as Airflow's API server makes it, without HTTP: a connection of its own, the
declarations, the records, the HTML. The first page reads every declaration, the later ones those
that have changed. Then the same with ten times the history; and the same lines without HTML.
"""

import os
import time
from argparse import Namespace
from collections.abc import Callable
from datetime import UTC, datetime
from statistics import median

from common import Figures, happened, house, measuring, options, records_of
from evergreen.fleet import read
from evergreen.settings import Settings
from parse import declare

DECISIONS = """
INSERT INTO evergreen.decisions
    (id, use_case, kind, outcome, sentence, evidence, as_of, run_key, actor, created_at)
SELECT gen_random_uuid(), name, (ARRAY['trigger', 'gate', 'fit', 'trigger'])[n %% 4 + 1], 'passed',
    'Decision ' || n, jsonb_build_object('text', repeat('evidence ', 400)), now(),
    name || '_training/' || n, 'schedule', now() - (1000 - n) * interval '1 hour'
FROM unnest(%(names)s) AS name, generate_series(1, %(decisions)s) AS n
"""
PROMOTIONS = """
INSERT INTO evergreen.promotions (use_case, version, run_id, model_uri, sha256, snapshot_sha256,
    training, decision_id, predecessor_id, kind, reason, actor, state)
SELECT p.use_case, 2, 'r', 'm', repeat('0', 64), '5',
    jsonb_build_object('rows', 9, 'start', now() - interval '90 days',
        'end', now() - (abs(hashtext(p.use_case)) %% 9) * interval '1 day'),
    d.id, p.id, 'refresh', 'newer', 'schedule', 'done'
FROM evergreen.promotions p CROSS JOIN LATERAL (
    SELECT id FROM evergreen.decisions d WHERE d.use_case = p.use_case
    ORDER BY number DESC OFFSET {skip} LIMIT 1
) AS d
"""
FIRST = (
    PROMOTIONS.replace("p.id, 'refresh'", "NULL, 'change'")
    .replace("evergreen.promotions p", "(SELECT unnest(%(names)s) AS use_case) AS p")
    .format(skip=9)
)
WINDOWS = """
INSERT INTO evergreen.windows
    (use_case, started_at, ended_at, champion, rows, outcome, sentence, document)
SELECT name, at - interval '1 hour', at, 2, 900, outcome, outcome, jsonb_build_object(
    'use_case', name, 'start', at - interval '1 hour', 'end', at, 'champion', 2, 'rows', 900,
    'outcome', outcome, 'sentence', 'It was ' || outcome || '.', 'drift_share', 0.1,
    'metric', 'roc_auc', 'live', 0.74, 'floor', 0.64,
    'expected', jsonb_build_object('value', 0.75, 'low', 0.71, 'high', 0.79))
FROM unnest(%(names)s) AS name, generate_series(1, %(windows)s) AS n,
    LATERAL (SELECT now() - n * interval '1 hour' AS at, (ARRAY['calm', 'calm', 'warning',
        'critical'])[abs(hashtext(name)) %% 4 + 1] AS outcome) AS o
ON CONFLICT DO NOTHING
"""
INCIDENTS = """
INSERT INTO evergreen.incidents (use_case, run_key, step, message, kind, resolved_at)
SELECT name, name || n, 'train', 'Something lasts.',
    CASE WHEN n = 1 THEN 'drift' ELSE 'failure' END, CASE WHEN n > 1 THEN now() END
FROM unnest(%(names)s) AS name, generate_series(1, 5) AS n WHERE abs(hashtext(name)) %% 5 < n
"""


def fill(here: Settings, names: list[str], decisions: int, windows: int) -> None:
    """Put a history of all use cases on record."""
    records = records_of(here)
    records.migrate()
    values = {"names": names, "decisions": decisions, "windows": windows}
    with records.decisions._session.writing() as cursor:
        for statement in (DECISIONS, FIRST, PROMOTIONS.format(skip=1), WINDOWS, INCIDENTS):
            cursor.execute(statement, values)
        cursor.execute("ANALYZE evergreen.decisions, evergreen.windows, evergreen.promotions")


def more(here: Settings, names: list[str], windows: int) -> None:
    """Let the history of the windows go further back."""
    with records_of(here).decisions._session.writing() as cursor:
        cursor.execute(WINDOWS, {"names": names, "windows": windows})
        cursor.execute("ANALYZE evergreen.windows; CHECKPOINT")


def timed(what: Callable[[], object], rounds: int) -> list[float]:
    """Return the milliseconds of each of some calls."""
    found = []
    for _ in range(rounds):
        began = time.perf_counter()
        what()
        found.append(1000 * (time.perf_counter() - began))
    return found


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--use-cases", type=int, default=200)
    arguments = parser.parse_args()
    if arguments.small:
        arguments.use_cases = 6
    with measuring(arguments) as figures, house() as here:
        folder = here.home / "use_cases"
        folder.mkdir()
        declare(folder, arguments.use_cases)
        os.environ.update(
            AIRFLOW_HOME=str(here.home / "airflow"), EVERGREEN_HOME=str(here.home),
            EVERGREEN_DATABASE_URL=here.database_url, EVERGREEN_USE_CASES_DIR=str(folder),
            MLFLOW_TRACKING_URI="http://127.0.0.1:1",
        )  # fmt: skip
        pages(figures, here, sorted(path.stem for path in folder.glob("*.py")), arguments)


def pages(figures: Figures, here: Settings, names: list[str], arguments: Namespace) -> None:
    """Tell how long pages of these use cases take."""
    windows = 24 if arguments.small else 720
    fill(here, names, decisions=50, windows=windows)
    from evergreen.catalog import recall
    from evergreen_airflow.pages import app

    happened("every use case has a line", app.models().body.count(b'role="rowheader"'), len(names))
    rounds = 3 if arguments.small else 20
    folder = here.home / "use_cases"

    def anew() -> None:
        for path in folder.glob("*.py"):
            path.touch()
        app.models()

    def lines() -> None:
        with records_of(here) as kept:
            read(recall(folder), records=kept, now=datetime.now(UTC))

    ways = {
        "a page, declarations read anew": timed(anew, 3),
        "a page": timed(app.models, rounds),
        "a page of those that need a person": timed(lambda: app.models(state="needs"), rounds),
        "the lines of `evergreen ls`": timed(lines, rounds),
    }
    more(here, names, 10 * windows)
    ways["a page, ten times as many windows"] = timed(app.models, rounds)
    for way, found in ways.items():
        figures.tell(
            f"{len(names)} use cases, {50 * len(names):,} decisions; {way}: {median(found):.0f} ms"
            f" (at most {max(found):.0f})",
            way=way, use_cases=len(names), milliseconds=median(found), most=max(found),
        )  # fmt: skip


if __name__ == "__main__":
    main()

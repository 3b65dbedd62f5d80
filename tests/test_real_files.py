"""Real files: file → draft → confirmed → champion, or an explained refusal → scores → watched."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from database import query, records_of
from evergreen import activation, catalog, cycle, dossier, ingest, scaffold, scoring
from evergreen.data import snapshots
from evergreen.learning import models, tracking
from evergreen.refs import Outcome, Window
from evergreen.scoring import ScoringInterval
from evergreen.settings import Settings
from evergreen.spec import Excluded, Scoring, UseCase
from evergreen.steps import Run
from evergreen.watching.watcher import watch
from real_files import FILES, RealFile

AS_OF = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def here(settings: Settings, tmp_path: Path) -> Settings:
    return replace(
        settings, use_cases_dir=tmp_path / "use_cases", expectations_dir=tmp_path / "expectations"
    )


def asked_for(key: str) -> Run:
    return Run(as_of=AS_OF, asked_at=AS_OF, key=key, actor="ada")


def confirmed(file: RealFile, settings: Settings, folder: Path) -> UseCase:
    """Bring the file in, let it be drafted, and confirm the draft; try one candidate of it."""
    path = file.write(folder)
    ingest.load(str(path), file.name, file.key, file.dialect, settings=settings)
    scaffold.new(
        file.name, table=file.name, target=file.target, time=file.time, key=file.key,
        settings=settings, today=AS_OF.date(),
    )  # fmt: skip
    draft = catalog.load(settings.use_cases_dir).find(file.name)
    activation.activate(
        draft, settings.use_cases_dir / f"{file.name}.py", at=AS_OF, actor="ada",
        decisions=records_of(settings).decisions,
    )  # fmt: skip
    found = catalog.load(settings.use_cases_dir).find(file.name)
    assert draft.draft
    assert not found.draft
    [tried] = [one for one in found.candidates if one.name == file.candidate]
    within = "WHERE day >= %(start)s AND day < %(end)s" if found.features.lookback else ""
    table = f"SELECT * FROM {file.name} {within}"
    return replace(
        found,
        candidates=(replace(tried, search={}, windows=(None,)),),
        gate=replace(found.gate, beat_baseline_surely=False),
        scoring=Scoring(query=table, into=f"predictions.{file.name}"),
    )


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_real_file_comes_to_a_champion_or_to_a_reason(
    file: RealFile, here: Settings, tmp_path: Path
) -> None:
    use_case, records = confirmed(file, here, tmp_path), records_of(here)

    done = cycle.run(use_case, asked_for("t"), records=records, settings=here)

    promoted = done.to_json()["promoted"]
    assert promoted == (not file.refused), done.sentence
    if not promoted:
        assert file.refused in done.sentence
        return
    scored_and_watched(use_case, here)


def test_a_draft_sees_dates_before_the_row(here: Settings, tmp_path: Path) -> None:
    [file] = [one for one in FILES if one.name == "orders"]

    features = confirmed(file, here, tmp_path).features

    assert (features.dates, features.since) == (("promised", "ordered"), "ordered")


def scored_and_watched(use_case: UseCase, settings: Settings) -> None:
    """Score all rows, as training would have answered them; no window of them is a drift."""
    records, name = records_of(settings), use_case.name
    days = timedelta(days=36_500)
    interval = ScoringInterval(start=AS_OF - days, end=AS_OF)
    done = scoring.score(
        use_case, scoring.asked(use_case, interval), asked_for("s"), records=records,
        settings=settings,
    )  # fmt: skip
    known = dossier.read(records.dossiers, name, 1)
    model = tracking.fetch_model(settings, known.model.uri, known.model.sha256)
    snapshot = known.learned.snapshot
    raw = snapshots.of(settings).frame(snapshot.uri, snapshot.sha256)
    there = models.predict(model, raw).labels
    key = ", ".join(f'"{column}"' for column in use_case.source.key)
    written = query(
        settings.database_url, f"SELECT prediction FROM predictions.{name} ORDER BY {key}"
    )
    there = there[raw.sort_values(list(use_case.source.key), kind="stable").index]
    assert done.rows == len(raw)
    if there.dtype.kind == "f":
        np.testing.assert_allclose(np.array(written, dtype=float).ravel(), there, rtol=1e-6)
    else:
        assert [str(one) for (one,) in written] == [str(one) for one in there]
    window = Window(start=AS_OF - HOUR, end=AS_OF + HOUR)
    seen = watch(use_case, window, records=records, settings=settings)
    assert seen.outcome in {Outcome.CALM, Outcome.WARNING}, seen.sentence


def test_bad_rows_and_bad_days_are_left_out_on_record(here: Settings, tmp_path: Path) -> None:
    file, records = FILES[1], records_of(here)
    found = confirmed(file, here, tmp_path)
    hail = Excluded("2025-03-01", "2025-03-02", "hail")
    use_case = replace(found, source=replace(found.source, quarantine=0.01, excluded=(hail,)))
    query(here.database_url, "UPDATE wein SET gewicht = -1e6 WHERE nr IN (3, 7)")

    done = cycle.run(use_case, asked_for("t"), records=records, settings=here)

    assert done.to_json()["promoted"], done.sentence
    learned = dossier.read(records.dossiers, "wein", 1).learned.snapshot
    assert (learned.rows, learned.counts.quarantined, learned.counts.excluded) == (396, 2, 2)
    assert [row["key"] for row in records.quarantine.of("wein")] == [{"nr": 3}, {"nr": 7}]
    assert done.verdict is not None
    report = (here.home / "reports" / done.verdict.report).read_text()
    for told in ("2 rows are in quarantine: gewicht ", "2025-03-01 to 2025-03-02: hail"):
        assert told in done.verdict.sentence
        assert told in report
    query(here.database_url, "UPDATE wein SET gewicht = -1e6 WHERE nr < 20")
    again = cycle.run(use_case, asked_for("u"), records=records, settings=here)
    assert "source.quarantine allows 1%" in again.sentence

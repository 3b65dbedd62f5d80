"""A use case whose every text is an attack, with a champion, windows and all that pages tell of.

attack("reason")        # reason"></script><img src=x onerror=hacked=1>

Where a page forgets to escape one, the browser runs it, and has an image of nothing.
"""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from psycopg2.extras import execute_values

from database import records_of
from evergreen import catalog, cycle, storage
from evergreen.data import warehouse
from evergreen.learning import tracking
from evergreen.records import (
    HOUSE,
    Decision,
    Incident,
    Pin,
    Records,
    Retirement,
    decision_id,
)
from evergreen.replaying import Gained, PolicyOutcome, Replay
from evergreen.replaying.shelf import Shelf
from evergreen.serving import releases
from evergreen.serving.model_ref import ModelRef
from evergreen.settings import Settings
from evergreen.steps import Run
from watching.conftest import END, HOUR, Shop

AS_OF = END - timedelta(hours=2)
DAYS, A_DAY = 300, 4


def attack(field: str) -> str:
    """Return a text that runs as a script if it is taken for HTML, for a script, or an attribute.

    A column of PostgreSQL may be as long as this with a field of 20 letters.
    """
    return f'{field}"></script><img src=x onerror=hacked=1>'


NUMBER, CATEGORY, TARGET = attack("number"), attack("category"), attack("target")
VALUES = (attack("value a"), attack("value b"))
CLASSES = (attack("class a"), attack("class b"), attack("class c"))

DECLARED = f"""
from datetime import timedelta

from evergreen.spec import (
    Business, Candidate, Excluded, Features, Gate, Kind, Slice, Source, UseCase, Windows
)


def logistic():
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=1000)


def majority():
    from sklearn.dummy import DummyClassifier

    return DummyClassifier(strategy="prior")


def told(evidence):
    return True, {attack("check")!r}


def worth(rows, truth, answers):
    return {{"worth": float((truth == answers).mean())}}


USE_CASE = UseCase(
    name="gallery", doc={attack("doc")!r}, owner={attack("owner")!r}, kind=Kind.MULTICLASS,
    source=Source(
        table="gallery", key=("id",), timestamp="day", target={TARGET!r},
        excluded=(Excluded("2026-10-01", "2026-10-01", {attack("excluded")!r}),),
    ),
    windows=Windows(holdout=timedelta(days=100), blocks=2),
    features=Features(numeric=({NUMBER!r},), categorical=({CATEGORY!r},)),
    candidates=(Candidate(name="logistic", build=logistic),),
    baselines=(Candidate(name="majority", build=majority),),
    gate=Gate(
        metric="f1", floors={{"f1": 0.1}}, min_rows=30, max_single_feature=None, checks=(told,)
    ),
    slices=(Slice(name={attack("slice")!r}, by={CATEGORY!r}),),
    business=Business(measure=worth, unit={attack("unit")!r}),
    schedule=None, tags=({attack("tag")!r},),
)
"""


def _expected(kind: str, **kwargs: Any) -> dict[str, Any]:
    notes = kwargs.pop("notes", "")
    return {"type": kind, "kwargs": kwargs, "meta": {}, "severity": "critical", "notes": notes}


TYPES = {"id": "int32", "day": "date", NUMBER: "float64", CATEGORY: "str", TARGET: "str"}
SUITE = {
    "name": "gallery", "notes": attack("suite"), "meta": {"great_expectations_version": "1.24.1"},
    "expectations": [
        _expected("expect_table_row_count_to_be_between", min_value=100),
        _expected(
            "expect_table_columns_to_match_set", exact_match=True,
            column_set=list(TYPES),
        ),
        *(_expected("expect_column_values_to_not_be_null", column=column) for column in TYPES),
        *(_expected("expect_column_values_to_be_of_type", column=column, type_=kind)
          for column, kind in TYPES.items()),
        _expected("expect_column_values_to_be_unique", column="id"),
        _expected(
            "expect_column_values_to_be_between", column="day", max_value={"$PARAMETER": "as_of"}
        ),
        _expected(
            "expect_column_distinct_values_to_equal_set", column=TARGET, value_set=list(CLASSES)
        ),
        _expected("expect_column_values_to_be_between", column=NUMBER, min_value=-99, max_value=99),
        _expected(
            "expect_column_values_to_be_in_set", column=CATEGORY, value_set=list(VALUES),
            notes=attack("expected"),
        ),
    ],
}  # fmt: skip


def gallery() -> pd.DataFrame:
    """Return rows whose class follows from their number and, a little, their category."""
    draw, many = np.random.default_rng(0), DAYS * A_DAY
    days = [(AS_OF - timedelta(days=DAYS - n // A_DAY)).date() for n in range(many)]
    number, category = draw.normal(size=many), draw.integers(0, 2, many)
    place = np.digitize(number + 0.3 * category + draw.normal(scale=0.4, size=many), [-0.5, 0.5])
    return pd.DataFrame(
        {
            "id": range(many), "day": days, NUMBER: number,
            CATEGORY: np.array(VALUES)[category], TARGET: np.array(CLASSES)[place],
        }
    )  # fmt: skip


def besiege(settings: Settings) -> Records:
    """Declare, train, watch and replay the use case; write attacks wherever one may."""
    frame = gallery()
    _declare(settings)
    _fill(settings.database_url, frame)
    shop = _train(settings, frame)
    _watch(shop)
    _refuse(settings)
    _replay(settings)
    kept = records_of(settings)
    _move(kept)
    _decide(kept)
    return kept


def _declare(settings: Settings) -> None:
    (settings.use_cases_dir / "gallery.py").write_text(DECLARED)
    (settings.use_cases_dir / "broken.py").write_text(f"raise ValueError({attack('error')!r})\n")
    (settings.expectations_dir / "gallery.json").write_text(json.dumps(SUITE))


def _fill(url: str, frame: pd.DataFrame) -> None:
    named = ", ".join(warehouse.quoted(name) for name in (NUMBER, CATEGORY, TARGET))
    types = zip(named.split(", "), ("float8", "text", "text"), strict=True)
    columns = ", ".join(f"{name} {kind}" for name, kind in types)
    with warehouse.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE gallery (id int PRIMARY KEY, day date, {columns})")
        execute_values(cursor, "INSERT INTO gallery VALUES %s", frame.values.tolist())


def _train(settings: Settings, frame: pd.DataFrame) -> Shop:
    use_case = catalog.load(settings.use_cases_dir).find("gallery")
    done = _cycle(settings, AS_OF)
    assert done.promotion, done.sentence
    assert done.promotion.promoted, done.sentence
    assert done.fit
    champion = records_of(settings).promotions.champion("gallery")
    assert champion
    model = tracking.fetch_model(settings, champion.model_uri, champion.sha256)
    return Shop(use_case, frame, settings, done.fit.evaluation.features, champion, model)


def _cycle(settings: Settings, as_of: datetime) -> cycle.Cycle:
    use_case = catalog.load(settings.use_cases_dir).find("gallery")
    key = f"gallery_training/{as_of:%Y%m%d}"
    asked = Run(as_of=as_of, asked_at=as_of, key=key, actor=attack("asker"))
    return cycle.run(use_case, asked, records=records_of(settings), settings=settings)


def _watch(shop: Shop) -> None:
    """Let a window alarm by a category that nobody has seen, and write one by hand."""
    asked = shop.rows.sample(400, random_state=0)
    asked.iloc[:100, asked.columns.get_loc(CATEGORY)] = attack("unseen")
    shop.log(asked.assign(**{NUMBER: asked[NUMBER] + 3}))
    seen = shop.watch()
    shop.windows.keep(
        replace(
            seen, start=seen.end, end=seen.end + HOUR, sentence=attack("window"),
            alarms=(attack("alarm"), attack("alarm too")),
        )
    )  # fmt: skip


def _refuse(settings: Settings) -> None:
    """Let rows be refused whose category is not expected; the sample shows them."""
    with warehouse.connect(settings.database_url) as connection, connection.cursor() as cursor:
        row = (10_000, AS_OF.date(), 0.0, attack("unexpected"), CLASSES[0])
        cursor.execute("INSERT INTO gallery VALUES %s", (row,))
    done = _cycle(settings, AS_OF + timedelta(days=1))
    assert done.refused, done.sentence


def _replay(settings: Settings) -> None:
    """Keep a replay as `evergreen replay` would, if all of its words were somebody else's."""
    nothing = Gained(estimate=0.0, low=0.0, high=0.0)
    policy = PolicyOutcome(
        name=attack("policy"), metric=0.8, difference=nothing, age_days=1, trainings=1, seconds=1,
        changes=0, worse_later=0, recovery_days=None, over_time=(0.7, 0.8),
        refused={attack("reason"): (AS_OF,)},
    )  # fmt: skip
    done = Replay(
        use_case="gallery", metric=attack("metric"), more_is_better=True, policies=(policy,),
        recommendation=attack("advice"), starts=(AS_OF - 2 * HOUR, AS_OF - HOUR), end=AS_OF,
        fits=1, fitted=1, seconds=1.0, problems={attack("recipe"): attack("problem")},
    )  # fmt: skip
    Shelf(storage.of(settings, storage.REPLAYS), "gallery").publish(done)


def _decide(kept: Records) -> None:
    """Write decisions and states that last."""
    for kind in ("fit", "trigger"):
        kept.decisions.record(
            Decision(
                id=decision_id("gallery", kind, "attack"), use_case="gallery", kind=kind,
                outcome=attack(f"{kind} outcome"), sentence=attack(f"{kind} sentence"),
                evidence={}, as_of=AS_OF, run_key="gallery_training/attack",
                actor=attack(f"{kind} actor"),
            )
        )  # fmt: skip
    for about, kind in (("gallery", "failure"), ("gallery", "drift"), (HOUSE, "disk")):
        kept.incidents.open(
            Incident(
                use_case=about, run_key=f"{kind}/{attack(f'{kind} run')}", kind=kind,
                step=attack(f"{kind} step"), message=attack(f"{kind} message"),
            )
        )  # fmt: skip


def _move(kept: Records) -> None:
    """Let another version have been champion, a third be on trial, and a use case have ended."""
    [first] = kept.promotions.of("gallery")
    second = kept.promotions.append(
        replace(
            first, id=0, version=2, predecessor_id=first.id, reason=attack("promotion"),
            actor=attack("promoter"), decision_id=_again(kept, "second"),
        )
    )  # fmt: skip
    back = replace(
        first, id=0, predecessor_id=second.id, kind="rollback", decision_id=_again(kept, "back"),
        reason=attack("rollback"), actor=attack("who went back"),
    )  # fmt: skip
    kept.promotions.append(back)
    kept.promotions.append(replace(first, id=0, use_case="sold", decision_id=_again(kept, "sold")))
    kept.retirements.put(
        Retirement(use_case="sold", reason=attack("retirement"), actor=attack("who retired"))
    )
    kept.pins.put(Pin(use_case="gallery", version=1, reason=attack("pin"), actor=attack("pinner")))
    for version, outcome in ((3, attack("ended")), (4, "")):
        trial = releases.start(
            kept.trials, "gallery", "shadow", 0.1,
            ModelRef(use_case="gallery", version=version, run_id="r", model_uri="m", sha256="2",
                     snapshot_sha256="5"),
            reason=attack("trial"), actor=attack("who tried"),
        )  # fmt: skip
        if outcome:
            kept.trials.stop(trial.id, outcome)


def _again(kept: Records, key: str) -> str:
    """Put the decision on record that a promotion rests on; return its id."""
    return kept.decisions.record(
        Decision(
            id=decision_id("gallery", "fit/train", key), use_case="gallery", kind="fit",
            outcome="passed", sentence="Again.", evidence={}, as_of=AS_OF,
            run_key="gallery_training/again", actor="ada",
        )
    ).id  # fmt: skip


LIVE = {
    "process": attack("process"), "since": AS_OF.isoformat(), "until": AS_OF.isoformat(),
    "use_cases": {
        "gallery": {
            "answer_is": attack("Answer"),
            "minute": {"requests": 1, "refused": 0, "latency_ms": 1, "answer": 1, "confidence": 1},
            "series": {
                name: [None, 1, 2]
                for name in ("requests", "refused", "latency_ms", "answer", "confidence")
            },
        }
    },
}  # fmt: skip
"""What the service may say of the last minutes."""

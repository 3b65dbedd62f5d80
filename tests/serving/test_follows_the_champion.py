"""The ledger says who answers, and the dossier what is read: not the files of today."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from database import records_of
from evergreen import retirement
from evergreen.errors import ModelRefused
from evergreen.learning.models import Golden
from evergreen.refs import PAPER
from evergreen.serving import commands, releases
from evergreen.serving.described import descriptions
from evergreen.serving.model_ref import ModelRef
from evergreen.settings import PROJECT
from learning import AS_OF
from serving.conftest import Client, Shop, declared, eventually
from serving.test_app import ROW

DECLARED = PROJECT / "include" / "use_cases" / "iris.py"
COLUMNS = tuple(ROW)


def written(old: str, new: str) -> Callable[[Path], None]:
    def edit(file: Path) -> None:
        text = DECLARED.read_text()
        assert old in text
        file.write_text(text.replace(old, new))

    return edit


EDITS: dict[str, tuple[Callable[[Path], None], str]] = {
    "as it was": (written("", ""), ""),
    "a column more": (written('("sepal_length", ', '("sepal_length", "extra", '), ""),
    "a column less": (written('("sepal_length", ', "("), ""),
    "another key": (written('key=("id",)', 'key=("number",)'), ""),
    "a time and a lookback": (written('key=("id",)', 'key=("id",), timestamp="seen"'), ""),
    "a syntax error": (written("USE_CASE =", "USE_CASE = ="), "its file is broken: SyntaxError"),
    "gone": (lambda file: None, "its file is gone; its champion goes on answering"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_a_champion_answers_whatever_its_file_says_today(
    shop: Shop, tmp_path: Path, edit: str
) -> None:
    shop.promote(shop.put("iris", "logistic"), 1)
    folder = tmp_path / "use_cases"
    folder.mkdir()
    change, told = EDITS[edit]
    change(folder / "iris.py")

    with shop.open(use_cases_dir=folder) as client:
        answer = client.post("/iris/predict", json={"row": ROW})
        ready = client.get("/ready")

    assert (answer.status_code, answer.json().get("prediction")) == (200, "setosa")
    assert ready.status_code == 200
    assert ready.json()["status"] == ("degraded" if told else "ready")
    assert told in ready.json()["reasons"].get("iris", "")


@pytest.mark.parametrize(
    "suite",
    ["", "[]", '{"expectations": null}', '{"expectations": [7]}', '{"expectations": [{}]}'],
)
def test_a_champion_answers_whatever_its_file_of_expectations_holds(
    shop: Shop, tmp_path: Path, suite: str
) -> None:
    shop.promote(shop.put("iris", "logistic"), 1)
    (tmp_path / "iris.json").write_text(suite)

    with shop.open(expectations_dir=tmp_path) as client:
        answer = client.post("/iris/predict", json={"row": ROW})
        ready = client.get("/ready").json()

    assert (answer.status_code, ready["status"]) == (200, "ready")


def test_an_expectation_that_is_odd_takes_no_words_from_the_others(tmp_path: Path) -> None:
    between, in_set = (f"expect_column_values_to_be_{kind}" for kind in ("between", "in_set"))
    given = [
        (between, {"column": "a", "min_value": 1, "max_value": None}),
        (between, {"column": "b", "min_value": {"$PARAMETER": "low"}}),
        (in_set, {"column": "c", "value_set": ["x", "y"]}),
        (in_set, {"column": "d", "value_set": None}),
        (in_set, {"column": "e", "value_set": {"$PARAMETER": "known"}}),
    ]
    suite = {"expectations": [{"type": kind, "kwargs": kwargs} for kind, kwargs in given]}
    (tmp_path / "iris.json").write_text(json.dumps(suite))

    told = descriptions(tmp_path / "iris.json")

    assert told == {"a": "expected from 1 to any", "c": "expected one of x, y"}


def test_a_file_that_breaks_while_its_champion_answers_is_told(shop: Shop, tmp_path: Path) -> None:
    shop.promote(shop.put("iris", "logistic"), 1)
    folder = tmp_path / "use_cases"
    folder.mkdir()
    shutil.copy(DECLARED, folder)

    with shop.open(use_cases_dir=folder) as client:
        before = client.get("/ready").json()
        (folder / "iris.py").write_text("=")
        after = eventually(lambda: (found := client.get("/ready").json())["reasons"] and found)

    assert (before["status"], after["status"]) == ("ready", "degraded")


def test_a_new_use_case_is_served_without_a_restart(shop: Shop, tmp_path: Path) -> None:
    new = shop.put("iris", "logistic")
    with shop.open(use_cases_dir=tmp_path) as client:
        nobody = client.post("/iris/predict", json={"row": ROW}).status_code
        (tmp_path / "iris.py").write_text(DECLARED.read_text())

        shop.promote(new, 1)
        eventually(lambda: "iris" in client.get("/ready").json()["champions"])
        answer = client.post("/iris/predict", json={"row": ROW})
        paths = client.get("/openapi.json").json()["paths"]

    assert (nobody, answer.status_code) == (404, 200)
    assert "/iris/predict" in paths


def test_each_version_is_asked_for_the_columns_that_it_reads(shop: Shop) -> None:
    few, all_of_them = COLUMNS[:2], COLUMNS
    models = [shop.put("iris", "logistic", columns=columns) for columns in (all_of_them, few)]
    with shop.open() as client:
        for model, version in [(models[0], 1), (models[1], 2), (models[0], 1)]:
            shop.promote(model, version)
            eventually(lambda v=version: client.get("/iris/model-info").json().get("version") == v)
            wanted = list(client.get("/iris/model-info").json()["inputs"])

            row = {name: ROW[name] for name in wanted}
            assert client.post("/iris/predict", json={"row": row}).status_code == 200
            assert len(wanted) == (2 if version == 2 else 4)
    assert client.is_closed


def test_a_challenger_that_reads_less_is_tried_and_one_that_reads_more_is_refused(
    shop: Shop,
) -> None:
    less = shop.register(shop.put("iris", "logistic", columns=COLUMNS[:2]), 2)
    shop.promote(shop.put("iris", "logistic", columns=COLUMNS[:3]), 1)
    more = shop.register(shop.put("iris", "logistic"), 3)
    iris = declared("iris")
    asked = {"share": 1.0, "reason": "to see", "actor": "ada", "records": records_of(shop.settings)}

    with pytest.raises(ModelRefused, match=r"requests do not hold petal_width; promote it without"):
        commands.release(iris, "canary", version=more.version, **asked)
    commands.release(iris, "canary", version=less.version, **asked)

    with shop.open() as client:
        eventually(lambda: client.service.watcher.desks["iris"].trial)
        row = {name: ROW[name] for name in COLUMNS[:3]}
        answers = [client.post("/iris/predict", json={"row": row}).json() for _ in range(30)]
    assert {answer["version"] for answer in answers} == {2}
    assert len(records_of(shop.settings).trials.running()) == 1


def test_a_trial_does_not_outlive_a_champion_whose_requests_held_what_it_reads(shop: Shop) -> None:
    shop.promote(shop.put("iris", "logistic"), 1)
    challenger = shop.register(shop.put("iris", "forest"), 2)
    commands.release(
        declared("iris"), "canary", version=challenger.version, share=0.5, reason="to see",
        actor="ada", records=records_of(shop.settings),
    )  # fmt: skip

    with shop.open() as client:
        eventually(lambda: client.service.watcher.desks["iris"].trial)
        shop.promote(shop.put("iris", "logistic", columns=COLUMNS[:2]), 3)
        eventually(lambda: client.get("/iris/model-info").json()["version"] == 3)

        assert client.service.watcher.desks["iris"].trial is None
        told = eventually(lambda: client.get("/ready").json()["reasons"].get("iris"))
        assert "cannot be tried" in told


@pytest.mark.parametrize("path", ["/iris/predict", "/iris/predict?on_paper=true"])
def test_the_documents_show_no_row_of_who_was_forgotten(shop: Shop, path: str) -> None:
    ref = shop.put("iris", "logistic")
    kept, golden = records_of(shop.settings), Golden.from_json(shop.dossiers[ref.sha256].golden)
    if path == "/iris/predict":
        shop.promote(ref, 1)
    else:
        ref = shop.register(ref, 1)
        kept.trials.start("iris", PAPER, 1.0, ref.to_json(), reason="below", actor="ada")

    with shop.open() as client:
        before = example(client)
        left = Golden(golden.rows[:-1], golden.output.take(range(len(golden.rows) - 1)))
        erasure = kept.erasures.begin(
            "iris", salt="s", key_digest="d", reason="asked to", actor="ada", as_of=AS_OF
        )
        kept.subjects.golden("iris", 1, "run", left.to_json(), "0" * 64)
        kept.erasures.finish(erasure.id, {"golden": 1})

        after = eventually(lambda: (found := example(client)) != before and found, 10)

        assert client.post(path, json=after).status_code == 200
    assert before == {"row": golden.rows.iloc[-1].to_dict()}
    assert after == {"row": golden.rows.iloc[-2].to_dict()}


def example(client: Client) -> Any:
    path = client.get("/openapi.json").json()["paths"]["/iris/predict"]
    return path["post"]["requestBody"]["content"]["application/json"]["example"]


def test_only_bytes_that_a_gate_has_passed_are_tried(shop: Shop) -> None:
    shop.promote(shop.put("iris", "logistic"), 1)
    kept = shop.register(shop.put("iris", "forest"), 2)
    forged = replace(shop.dossiers[kept.sha256], version=3)  # names no decision of a gate
    shop.put_dossier(forged)

    for version, told in [(3, "no gate on record"), (4, "no version 4 that a gate has passed")]:
        with pytest.raises(ModelRefused, match=told):
            commands.release(
                declared("iris"), "canary", version=version, share=0.1, reason="trust me",
                actor="eve", records=records_of(shop.settings),
            )  # fmt: skip
    assert ModelRef.of(releases.gated(records_of(shop.settings), "iris", 2)) == kept


def test_what_is_retired_answers_404_with_the_reason_until_it_is_brought_back(shop: Shop) -> None:
    shop.promote(shop.put("iris", "logistic"), 1)
    kept = records_of(shop.settings)

    with shop.open() as client:
        retirement.retire("iris", reason="sold", actor="ada", records=kept, settings=shop.settings)
        refused = eventually(
            lambda: (
                (answer := client.post("/iris/predict", json={"row": ROW})).status_code == 404
                and answer
            )
        )
        ready = client.get("/ready")
        retirement.revive("iris", reason="", actor="ada", records=kept)
        back = eventually(
            lambda: client.post("/iris/predict", json={"row": ROW}).status_code == 200
        )

    assert "iris was retired by ada on " in refused.text
    assert "sold" in refused.text
    assert (ready.status_code, ready.json()["champions"]) == (200, {})
    assert back

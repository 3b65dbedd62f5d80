"""`evergreen validate`: what a pull request is told before anything runs."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from evergreen import cli
from evergreen.settings import PROJECT

DECLARED = PROJECT / "include" / "use_cases"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of iris and crop; there is neither a database nor MLflow."""
    (tmp_path / "use_cases").mkdir()
    (tmp_path / "expectations").mkdir()
    for name in ("iris", "crop"):
        shutil.copy(DECLARED / f"{name}.py", tmp_path / "use_cases")
        shutil.copy(PROJECT / "expectations" / f"{name}.json", tmp_path / "expectations")
    for name in ("EVERGREEN_DATABASE_URL", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("EVERGREEN_HOME", str(tmp_path))
    monkeypatch.setenv("EVERGREEN_USE_CASES_DIR", str(tmp_path / "use_cases"))
    monkeypatch.setenv("EVERGREEN_EXPECTATIONS_DIR", str(tmp_path / "expectations"))
    return tmp_path


def validate(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, ["validate", *arguments])


def problems(*names: str) -> dict[str, str]:
    """What is said against each, of those against whom something is said."""
    done = validate(*names, "--json")
    assert done.exit_code == 3, done.output
    return {one["name"]: "\n".join(one["problems"]) for one in json.loads(done.stdout)
            if not one["sound"]}  # fmt: skip


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_those_that_we_ship_are_sound() -> None:
    done = validate()

    assert done.exit_code == 0, done.output
    assert done.stdout.split() == [
        word for path in sorted(DECLARED.glob("[!_]*.py")) for word in ("✓", path.stem)
    ]


def test_each_broken_file_is_told_and_the_others_are_sound(folder: Path) -> None:
    (folder / "use_cases" / "rose.py").write_text("def")
    (folder / "use_cases" / "tulip.py").write_text("USE_CASE = 1 / 0")

    told = problems()

    assert set(told) == {"rose", "tulip"}
    assert "SyntaxError" in told["rose"]
    assert "ZeroDivisionError" in told["tulip"]


def test_only_the_use_cases_that_are_named_are_looked_at(folder: Path) -> None:
    (folder / "use_cases" / "rose.py").write_text("def")

    assert validate("iris").stdout == "✓ iris\n"
    assert validate("iris", "rose").exit_code == 3


def test_a_suite_that_is_missing_is_told(folder: Path) -> None:
    (folder / "expectations" / "iris.json").unlink()

    assert "iris.json is missing" in problems()["iris"]


def test_a_suite_without_a_mandatory_check_is_told(folder: Path) -> None:
    suite = folder / "expectations" / "iris.json"
    edit(suite, "expect_column_values_to_be_unique", "expect_column_values_to_not_be_null")

    told = problems()["iris"]

    assert told == "expect_column_values_to_be_unique on the key 'id' is missing"


def test_an_expectation_that_nobody_defines_is_told(folder: Path) -> None:
    suite = folder / "expectations" / "iris.json"
    kind = "expect_table_row_count_to_be_between"
    edit(suite, f'"{kind}"', '"expect_petals_in_their_place"')

    told = problems("iris")["iris"]

    assert "(expect_petals_in_their_place) is refused" in told
    assert "does not know it, and there is no iris.py beside the suite" in told


def test_a_suite_of_no_use_case_is_told(folder: Path) -> None:
    (folder / "use_cases" / "crop.py").unlink()

    assert "crop.json is the suite of no use case" in problems()["crop"]


def test_a_parameter_that_the_estimator_does_not_have_is_told(folder: Path) -> None:
    edit(folder / "use_cases" / "iris.py", 'search={"C"', 'search={"c"')

    assert "candidate 'logistic' searches c; allowed: C, " in problems()["iris"]


def test_a_candidate_that_cannot_be_built_is_told(folder: Path) -> None:
    edit(folder / "use_cases" / "iris.py", "import KNeighborsClassifier", "import KNeighbours")

    assert "candidate 'neighbours' cannot be built: ImportError" in problems()["iris"]


def test_workers_that_a_candidate_has_no_use_for_are_told(folder: Path) -> None:
    edit(folder / "use_cases" / "iris.py", 'search={"C"', 'num_workers=2, search={"C"')

    told = "candidate 'logistic': candidate.num_workers is 2; allowed: 1 with LogisticRegression;"
    assert told in problems()["iris"]


def test_an_unknown_name_is_wrong_usage(folder: Path) -> None:
    done = validate("irsi")

    assert done.exit_code == 2
    assert "did you mean 'iris'?" in done.stderr


def test_an_empty_folder_is_no_catalogue(folder: Path) -> None:
    for file in folder.glob("*/*.*"):
        file.unlink()

    done = validate()

    assert done.exit_code == 2
    assert "EVERGREEN_USE_CASES_DIR is " in done.stderr

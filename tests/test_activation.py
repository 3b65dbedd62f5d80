import errno
import stat
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from evergreen import activation, catalog
from evergreen.dossier.declaration import digest
from evergreen.errors import EvergreenError
from evergreen.settings import PROJECT
from evergreen.spec import UseCase
from fakes import FakeLedger

AT = datetime(2026, 11, 21, tzinfo=UTC)
IRIS = (PROJECT / "include" / "use_cases" / "iris.py").read_text()
CALL = "USE_CASE = UseCase(\n"


def draft(folder: Path, source: str) -> tuple[UseCase, Path]:
    path = folder / "iris.py"
    path.write_text(source)
    return catalog.load(folder).find("iris"), path


PLACES = {
    "on a line of its own": ("    draft=True,\n", ""),
    "with a comment": ("    draft=True,  # until ü has read it\n", ""),
    "before another on its line": ("    draft=True, seed=0,\n", "    seed=0,\n"),
    "after another on its line": ("    seed=0, draft=True,\n", "    seed=0, \n"),
}


@pytest.mark.parametrize(("flag", "left"), PLACES.values(), ids=PLACES.keys())
def test_only_the_flag_is_taken_out_of_the_file(tmp_path: Path, flag: str, left: str) -> None:
    use_case, path = draft(tmp_path, IRIS.replace(CALL, CALL + flag))

    activation.activate(use_case, path, at=AT, actor="ada", decisions=FakeLedger().decisions)

    assert path.read_text() == IRIS.replace(CALL, CALL + left)
    assert catalog.load(tmp_path).find("iris").draft is False


def test_the_declaration_has_the_same_digest_before_and_after(tmp_path: Path) -> None:
    use_case, path = draft(tmp_path, IRIS.replace(CALL, f"{CALL}    draft=True,\n"))

    activation.activate(use_case, path, at=AT, actor="ada", decisions=FakeLedger().decisions)

    assert digest(catalog.load(tmp_path).find("iris")) == digest(use_case)


def test_who_confirmed_it_is_on_record_and_what_happens_next_is_told(tmp_path: Path) -> None:
    ledger = FakeLedger()
    use_case, path = draft(tmp_path, IRIS.replace(CALL, f"{CALL}    draft=True,\n"))

    told = activation.activate(use_case, path, at=AT, actor="ada", decisions=ledger.decisions)

    assert told == (
        "ada confirmed iris: Airflow trains it @daily, for the first time within a minute: watch it"
        " on Models, or `evergreen run iris` where no Airflow runs; what its gate lets through goes"
        " live."
    )
    [decision] = ledger.decisions.newest("iris", kind="activation")
    assert (decision.outcome, decision.actor, decision.sentence) == ("activated", "ada", told)


def test_the_file_keeps_its_permissions_and_nothing_lies_beside_it(tmp_path: Path) -> None:
    use_case, path = draft(tmp_path, IRIS.replace(CALL, f"{CALL}    draft=True,\n"))
    path.chmod(0o640)

    activation.activate(use_case, path, at=AT, actor="ada", decisions=FakeLedger().decisions)

    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [each.name for each in tmp_path.glob("*.*")] == ["iris.py"]


def test_what_cannot_be_written_is_not_on_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, source = FakeLedger(), IRIS.replace(CALL, f"{CALL}    draft=True,\n")
    use_case, path = draft(tmp_path, source)

    def refuses(**_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(tempfile, "mkstemp", refuses)
    with pytest.raises(EvergreenError, match=r"cannot be written .* edit it where it can"):
        activation.activate(use_case, path, at=AT, actor="ada", decisions=ledger.decisions)

    assert path.read_text() == source
    assert ledger.decisions.newest("iris") == ()


def test_what_is_no_draft_is_active_already(tmp_path: Path) -> None:
    use_case, path = draft(tmp_path, IRIS)

    with pytest.raises(EvergreenError, match="iris is no draft: it is active already"):
        activation.activate(use_case, path, at=AT, actor="ada", decisions=FakeLedger().decisions)


def test_a_flag_that_is_computed_is_left_to_a_person(tmp_path: Path) -> None:
    ledger, source = FakeLedger(), IRIS.replace(CALL, f"{CALL}    draft=bool(1),\n")
    use_case, path = draft(tmp_path, source)

    with pytest.raises(EvergreenError, match=r"says draft=True 0 times .* take it out by hand"):
        activation.activate(use_case, path, at=AT, actor="ada", decisions=ledger.decisions)

    assert path.read_text() == source
    assert ledger.decisions.newest("iris") == ()


def test_a_draft_is_trained_by_nobody_and_dry() -> None:
    use_case = replace(catalog.load(PROJECT / "include" / "use_cases").find("iris"), draft=True)

    assert use_case.training_schedule is None
    assert use_case.purpose(dry_run=False) == "dry_run"
    assert replace(use_case, draft=False).purpose(dry_run=False) == "train"

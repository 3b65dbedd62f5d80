"""An audit is fine only when every package was asked about; pip-audit itself is a stand-in."""

import json
from pathlib import Path
from typing import Any

import pytest

from evergreen_workshop.audit import FINE, FOUND, UNKNOWN, Audited, audit, tell

SOUND: dict[str, Any] = {"name": "httpx", "version": "0.28.1", "vulns": []}
SICK: dict[str, Any] = {
    "name": "jinja2", "version": "3.1.0",
    "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-2026-1"], "fix_versions": ["3.1.9"]}],
}  # fmt: skip
SKIPPED: dict[str, Any] = {"name": "jinja2", "skip_reason": "not found on PyPI: jinja2 (3.1.0)"}


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    file = tmp_path / "requirements.txt"
    file.write_text(
        "httpx==0.28.1 \\\n    --hash=sha256:00\njinja2==3.1.0 \\\n    --hash=sha256:00\n"
    )
    return file


def audited(lock: Path, *dependencies: dict[str, Any]) -> Audited:
    return audit(lock, lambda _: (json.dumps({"dependencies": dependencies}), ""))


def said(found: Audited) -> tuple[int, str]:
    lines: list[str] = []
    return tell([found], lines.append), "\n".join(lines)


def test_what_was_asked_about_and_has_none_is_fine(lock: Path) -> None:
    code, told = said(audited(lock, SOUND, SICK | {"vulns": []}))

    assert code == FINE
    assert "2 of 2 packages could be asked about, with no known vulnerabilities" in told
    assert "UNKNOWN" not in told


def test_a_vulnerability_is_named_with_what_mends_it(lock: Path) -> None:
    code, told = said(audited(lock, SOUND, SICK))

    assert code == FOUND
    assert "jinja2 3.1.0: PYSEC-1, CVE-2026-1; mended by 3.1.9" in told


@pytest.mark.parametrize("told", [(SOUND, SKIPPED), (SOUND,)], ids=["passed over", "left out"])
def test_what_pip_audit_passes_over_is_unknown(lock: Path, told: tuple[dict[str, Any]]) -> None:
    code, lines = said(audited(lock, *told))

    assert code == UNKNOWN
    assert "1 of 2 packages could be asked about" in lines
    assert "UNKNOWN" in lines


def test_a_service_that_is_away_is_unknown_and_told(lock: Path) -> None:
    code, told = said(audit(lock, lambda _: ("", "WARNING\nERROR: Could not connect to PyPI")))

    assert code == UNKNOWN
    assert "0 of 2 packages could be asked about" in told
    assert "unknown: ERROR: Could not connect to PyPI" in told


def test_a_vulnerability_outweighs_what_is_unknown(lock: Path) -> None:
    away = audit(lock, lambda _: ("", "away"))

    assert tell([audited(lock, SOUND, SICK), away], lambda _: None) == FOUND

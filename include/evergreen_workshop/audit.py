"""Do packages of the locks have known vulnerabilities? `make audit` asks PyPI by pip-audit.

    python -m evergreen_workshop.audit

It ends with 0 when each was asked about and none has any, with 1 when some have, and with 69 when
of some nobody could tell: the service is away, or does not know them. pip-audit passes over those.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from evergreen.settings import PROJECT

TOOL = "pip-audit==2.10.1"
LOCKS = ("requirements.txt", "requirements-serve.txt", "requirements-dev.txt")
FINE, FOUND, UNKNOWN = 0, 1, 69
"""How it ends; the last is EX_UNAVAILABLE of sysexits.h."""
NAMED = 5
"""So many packages that nobody knows are named."""
PATIENCE = 1800
"""Seconds for a lock."""


@dataclass(frozen=True)
class Audited:
    """What is known of the packages of a lock."""

    lock: str
    packages: int
    vulnerable: tuple[str, ...] = ()
    """Sentences: which package, by which advisory, and what mends it."""
    unknown: tuple[str, ...] = ()
    """Sentences: of which packages nobody could tell, and why."""

    @property
    def code(self) -> int:
        """What it ends with: a vulnerability outweighs what is unknown."""
        return FOUND if self.vulnerable else UNKNOWN if self.unknown else FINE

    @property
    def sentence(self) -> str:
        """The outcome in one sentence."""
        known = self.packages - len(self.unknown)
        told = f"{self.lock}: {known} of {self.packages} packages could be asked about"
        return f"{told}, with {len(self.vulnerable) or 'no'} known vulnerabilities among them"


def pip_audit(lock: Path) -> tuple[str, str]:
    """Return what pip-audit tells of a lock, as JSON, and what it complains of."""
    done = subprocess.run(
        [
            Path(sys.executable).with_name("uv"), "tool", "run", "--quiet", "--from", TOOL,
            "pip-audit", "--requirement", lock, "--require-hashes", "--disable-pip",
            "--progress-spinner=off", "--format=json",
        ],
        capture_output=True, text=True, check=False, timeout=PATIENCE,
    )  # fmt: skip
    return done.stdout, done.stderr


def audit(lock: Path, ask: Callable[[Path], tuple[str, str]] = pip_audit) -> Audited:
    """Return what is known of the packages of a lock; `ask` is `pip_audit`."""
    packages = sum("==" in line for line in lock.read_text().splitlines())
    try:
        told, complaint = ask(lock)
        dependencies = json.loads(told)["dependencies"]
    except subprocess.TimeoutExpired:
        return _nobody(lock, packages, f"no answer within {PATIENCE} seconds")
    except (ValueError, KeyError, TypeError):
        return _nobody(lock, packages, (complaint.strip().splitlines() or ["no answer"])[-1])
    asked = {each["name"] for each in dependencies if "skip_reason" not in each}
    unknown = [each["skip_reason"] for each in dependencies if "skip_reason" in each]
    unknown += ["pip-audit did not tell of it"] * (packages - len(asked) - len(unknown))
    return Audited(lock.name, packages, tuple(_found(dependencies)), tuple(unknown))


def _nobody(lock: Path, packages: int, why: str) -> Audited:
    return Audited(lock.name, packages, unknown=(why,) * packages)


def _found(dependencies: Iterable[dict[str, Any]]) -> Iterable[str]:
    for each in dependencies:
        for one in each.get("vulns", ()):
            mended = ", ".join(one["fix_versions"]) or "no version yet"
            names = ", ".join([one["id"], *one.get("aliases", ())])
            yield f"{each['name']} {each['version']}: {names}; mended by {mended}"


def tell(found: Sequence[Audited], say: Callable[[str], None] = typer.echo) -> int:
    """Say what was found, and return what to end with."""
    for each in found:
        say(f"{each.sentence}.")
        for line in each.vulnerable:
            say(f"  {line}")
        for line in list(dict.fromkeys(each.unknown))[:NAMED]:
            say(f"  unknown: {line}")
    codes = {each.code for each in found}
    if UNKNOWN in codes:
        say("Not all could be asked about: whether they have vulnerabilities is UNKNOWN.")
    return FOUND if FOUND in codes else max(codes)


def main() -> None:
    """Audit every lock."""
    raise SystemExit(tell([audit(PROJECT / lock) for lock in LOCKS]))


if __name__ == "__main__":
    main()

"""Put right what follows the records: MLflow's registry, and dossiers from before there were any.

    mend("weather", catalog.use_cases.get("weather"), records, settings)   # empty: all is well

The watchdog does it every few minutes, `evergreen check --repair` at once.
"""

from collections.abc import Iterator, Mapping

from evergreen.champions import promotion
from evergreen.errors import EvergreenError
from evergreen.records import Promotion, Records
from evergreen.refs import Verdict
from evergreen.settings import Settings
from evergreen.spec import UseCase


def mend(name: str, use_case: UseCase | None, records: Records, settings: Settings) -> list[str]:
    """Return in sentences what was put right, or cannot be; `use_case` None: its file is gone."""
    return [
        *promotion.reconcile(name, records, settings),
        *_dossiers(name, use_case, records, settings),
    ]


def mend_all(
    declared: Mapping[str, UseCase], records: Records, settings: Settings
) -> Iterator[tuple[str, list[str]]]:
    """Mend every use case that has or had a champion; yield its name, and what `mend` says."""
    for name in records.promotions.use_cases():
        yield name, mend(name, declared.get(name), records, settings)


def _dossiers(
    name: str, use_case: UseCase | None, records: Records, settings: Settings
) -> list[str]:
    kept = records.dossiers.versions(name)
    rows = {row.version: row for row in records.promotions.of(name)
            if row.is_first_of_its_version}  # fmt: skip
    missing = [row for version, row in rows.items() if version not in kept]
    return [_written(row, use_case, records, settings) for row in missing]


def _written(row: Promotion, use_case: UseCase | None, records: Records, settings: Settings) -> str:
    try:
        _write(row, use_case, records, settings)
    except (EvergreenError, KeyError, ValueError) as error:
        return f"Version {row.version} has no dossier, and none can be written: {error}"
    return f"Wrote the dossier of version {row.version}, by today's declaration."


def _write(row: Promotion, use_case: UseCase | None, records: Records, settings: Settings) -> None:
    from evergreen.dossier import writing  # not above: it loads scikit-learn and PyArrow

    gate = records.decisions.get(row.decision_id)
    if use_case is None or gate is None:
        raise EvergreenError("its declaration is gone" if gate else "its decision is gone")
    writing.adopt(
        use_case, Verdict.from_json(gate.evidence), gate.id, row.version,
        kept=records.dossiers, settings=settings,
    )  # fmt: skip

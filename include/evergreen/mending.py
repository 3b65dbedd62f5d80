"""Put right what follows the records: MLflow's registry, and dossiers from before there were any.

    mend("weather", catalog.use_cases.get("weather"), settings)     # sentences; empty: all is well

The watchdog does it every few minutes, `evergreen check --repair` at once.
"""

from evergreen import dossier
from evergreen.champions import promotion
from evergreen.champions.ledger import Ledger, Promotion
from evergreen.dossier import kept_in
from evergreen.errors import EvergreenError
from evergreen.refs import Verdict
from evergreen.settings import Settings
from evergreen.spec import UseCase


def mend(name: str, use_case: UseCase | None, settings: Settings) -> list[str]:
    """Return in sentences what was put right, or cannot be; `use_case` None: its file is gone."""
    return [*promotion.reconcile(name, settings), *_dossiers(name, use_case, settings)]


def _dossiers(name: str, use_case: UseCase | None, settings: Settings) -> list[str]:
    kept = kept_in(settings.database_url)
    rows = {row.version: row for row in Ledger(settings.database_url).promotions(name)
            if row.is_first_of_its_version}  # fmt: skip
    missing = [row for version, row in rows.items() if not dossier.find(kept, name, version)]
    return [_written(row, use_case, settings) for row in missing]


def _written(row: Promotion, use_case: UseCase | None, settings: Settings) -> str:
    try:
        _write(row, use_case, settings)
    except (EvergreenError, KeyError, ValueError) as error:
        return f"Version {row.version} has no dossier, and none can be written: {error}"
    return f"Wrote the dossier of version {row.version}, by today's declaration."


def _write(row: Promotion, use_case: UseCase | None, settings: Settings) -> None:
    from evergreen.dossier import writing  # not above: it loads scikit-learn and PyArrow

    gate = Ledger(settings.database_url).decision(row.decision_id)
    if use_case is None or gate is None:
        raise EvergreenError("its declaration is gone" if gate else "its decision is gone")
    writing.adopt(
        use_case, Verdict.from_json(gate.evidence), gate.id, row.version,
        kept=kept_in(settings.database_url), settings=settings,
    )  # fmt: skip

"""A model that the service can load. Light to import."""

from dataclasses import dataclass
from datetime import datetime

from evergreen.dossier import Dossier
from evergreen.refs import ChampionRef, Ref


@dataclass(frozen=True, kw_only=True)
class ModelRef(Ref):
    """A registered version of a use case's model: a champion, or a challenger on trial."""

    use_case: str
    version: int
    run_id: str
    model_uri: str
    sha256: str
    snapshot_sha256: str
    promoted_at: float = 0.0
    """Seconds since 1970 when it became champion; 0: it is not."""
    knowledge_until: float = 0.0
    """Event time of the newest row that the champion has learned from; 0: its rows have no time."""

    @classmethod
    def of(cls, dossier: Dossier, champion: ChampionRef | None = None) -> "ModelRef":
        """Return what the service needs of a version; where its bytes lie is in its dossier."""
        return cls(
            use_case=dossier.use_case,
            version=dossier.version,
            run_id=dossier.model.run_id,
            model_uri=dossier.model.uri,
            sha256=dossier.model.sha256,
            snapshot_sha256=dossier.learned.snapshot.sha256,
            promoted_at=_seconds(champion.promoted_at if champion else None),
            knowledge_until=_seconds(champion.knowledge_until if champion else None),
        )


def _seconds(at: datetime | None) -> float:
    return at.timestamp() if at else 0.0

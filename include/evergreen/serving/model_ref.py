"""A model that the service can load. Light to import."""

from dataclasses import dataclass

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

    @classmethod
    def of(cls, champion: ChampionRef) -> "ModelRef":
        """Return what the service needs of the ledger's champion."""
        return cls(
            use_case=champion.use_case,
            version=champion.version,
            run_id=champion.run_id,
            model_uri=champion.model_uri,
            sha256=champion.sha256,
            snapshot_sha256=champion.snapshot_sha256,
            promoted_at=champion.promoted_at.timestamp(),
        )

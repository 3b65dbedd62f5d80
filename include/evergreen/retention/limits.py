"""How long things are kept: by the settings, or as somebody asks for once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from evergreen.errors import DeclarationError
from evergreen.settings import Settings, days, size

PREDICTIONS, SNAPSHOTS, REPORTS, DRIFT = "predictions", "snapshots", "reports", "drift"
DATA_DOCS, REPLAYS, TRAININGS, WALKS = "data_docs", "replays", "trainings", "walks"
LOGS, FEATURES = "logs", "stored features"
SETTINGS = {
    PREDICTIONS: "keep_predictions",
    TRAININGS: "keep_trainings",
    WALKS: "keep_trainings",
    SNAPSHOTS: "keep_snapshots",
    REPORTS: "keep_reports",
    DRIFT: "keep_reports",
    DATA_DOCS: "keep_reports",
    REPLAYS: "keep_reports",
    LOGS: "keep_logs",
}
"""Each kind of thing, and the setting that says how long it is kept."""
GRACE = timedelta(days=1)
"""Nothing that was written (or asked for again) later goes: a training may be using it."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What is kept, whatever its age, and until which age the rest is."""

    ages: Mapping[str, timedelta]
    """By kind."""
    champions: int
    decisions: int
    bytes: int = 0
    """Of a use case in the store; 0: no limit."""

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        """Return those of the settings."""
        return cls(
            ages={kind: getattr(settings, name) for kind, name in SETTINGS.items()},
            champions=settings.keep_champions,
            decisions=settings.keep_decisions,
            bytes=settings.keep_bytes,
        )

    def asked(self, keep: Sequence[str], largest: str = "") -> "Limits":
        """Return them with other ages (`90d` for all kinds, `snapshots=30d` for one), or a size.

        Raises:
            DeclarationError: it is neither.
        """
        ages = dict(self.ages)
        for text in keep:
            kind, _, age = text.rpartition("=")
            if kind and kind not in SETTINGS:
                raise DeclarationError("--keep", text, f"90d, or one of {', '.join(SETTINGS)}=90d")
            try:
                ages |= dict.fromkeys([kind] if kind else SETTINGS, days(age))
            except ValueError:
                allowed = "90d for all, or KIND=90d; from 1d to 36500d"
                raise DeclarationError("--keep", text, allowed) from None
        try:
            return replace(self, ages=ages, bytes=size(largest) if largest else self.bytes)
        except ValueError:
            raise DeclarationError("--keep-bytes", largest, "a size, such as 50GB") from None

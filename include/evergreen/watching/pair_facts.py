"""What watching measured of how columns go together, as facts without a judgement."""

from dataclasses import dataclass

from evergreen.judging.figures import figure
from evergreen.refs import Ref


@dataclass(frozen=True, kw_only=True)
class PairFacts(Ref):
    """Two columns beside one another, in the window and in the reference."""

    first: str
    second: str
    told: tuple[str, str]
    """What of each was looked at, in words."""
    before: float
    """Its correlation in the reference, -1 to 1."""
    now: float
    distance: float
    """Half of their difference, 0 to 1."""
    threshold: float

    @property
    def drifted(self) -> bool:
        """Tell whether the distance is beyond its threshold."""
        return self.distance > self.threshold

    @property
    def name(self) -> str:
        """Both columns, in words."""
        return f"{self.first} and {self.second}"

    @property
    def sentence(self) -> str:
        """How far they are apart, to stand inside a sentence."""
        looked_at = " and ".join(self.told)
        of = "" if self.told == (self.first, self.second) else f" of {looked_at}"
        return (
            f"{self.name} (correlation{of} {self.now:.2f}, {self.before:.2f} before; distance"
            f" {figure(self.distance)}, limit {figure(self.threshold)})"
        )


@dataclass(frozen=True, kw_only=True)
class TogetherFacts(Ref):
    """How columns go together, where none of the two has drifted by itself."""

    columns: int = 0
    """Columns that were looked at."""
    pairs: int = 0
    """Pairs of what is looked at of them."""
    found: tuple[PairFacts, ...] = ()
    """The furthest, by their limits."""
    basis: str = ""
    sure: bool = True
    """As of a column."""
    problem: str = ""
    """Why nothing was compared."""

    @property
    def beyond(self) -> tuple[PairFacts, ...]:
        """The pairs beyond their thresholds."""
        return tuple(pair for pair in self.found if pair.drifted)

    @property
    def drifted(self) -> tuple[PairFacts, ...]:
        """The pairs that surely went apart."""
        return self.beyond if self.sure else ()

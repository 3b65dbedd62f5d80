"""Who answers for a use case: one immutable object each, replaced whole.

A request takes its desk once, so that no answer mixes two versions.
"""

from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from statistics import quantiles
from typing import Any

import numpy as np

from evergreen.dossier import Dossier
from evergreen.errors import ModelRefused
from evergreen.learning import models
from evergreen.learning.models import Golden
from evergreen.serving.artifacts import Artifacts
from evergreen.serving.contract import Contract
from evergreen.serving.engine import Engine, engine
from evergreen.serving.model_ref import ModelRef


@dataclass(frozen=True)
class Served:
    """A model that is loaded and answers."""

    ref: ModelRef
    dossier: Dossier
    engine: Engine
    contract: Contract

    @property
    def labels(self) -> tuple[Any, ...]:
        """The classes as plain values; empty: regression."""
        return self.dossier.answers.classes


@dataclass
class Record:
    """How one side of a trial has done."""

    requests: int = 0
    errors: int = 0
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=1000))
    """Milliseconds of the latest requests."""

    def add(self, latency: float | None) -> None:
        """Count a request; None: it failed."""
        self.requests += 1
        if latency is None:
            self.errors += 1
        else:
            self.latencies.append(latency)

    @property
    def p95(self) -> float:
        """The 95th percentile of the latencies; 0 without any."""
        return quantiles(self.latencies, n=20)[-1] if len(self.latencies) > 1 else 0.0


@dataclass(frozen=True)
class Trial:
    """A release: a challenger beside the champion."""

    id: int
    strategy: str
    share: float
    challenger: Served
    sides: dict[str, Record] = field(
        default_factory=lambda: {"champion": Record(), "challenger": Record()}
    )


@dataclass(frozen=True)
class Desk:
    """What answers the requests of a use case at one moment."""

    champion: Served
    """Or, on paper, who answers as long as there is none."""
    trial: Trial | None = None
    paper: int | None = None
    """Number of the release on paper; None: the champion answers."""

    @property
    def release(self) -> int | None:
        """Number of the release, a trial or on paper, that an answer belongs to; None: of none."""
        return self.trial.id if self.trial else self.paper

    @property
    def lookback(self) -> timedelta:
        """How far back the features of whoever may answer read."""
        own = self.champion.dossier.inputs.lookback
        return max(own, self.trial.challenger.dossier.inputs.lookback) if self.trial else own


def serve(dossier: Dossier, ref: ModelRef, artifacts: Artifacts, expectations: Path) -> Served:
    """Load a model and make it ready to answer, warm.

    Raises:
        ModelRefused: its bytes are not those that were gated, it cannot be had, or it does not
            say of its golden rows what it said before.
    """
    model, golden = artifacts.get(ref), Golden.from_json(dossier.golden)
    if not models.reproduces(model, golden) <= models.TOLERANCE:
        raise ModelRefused(f"version {ref.version} does not reproduce its golden predictions")
    found = engine(model, golden)
    found.frame(golden.rows, np.arange(len(golden.rows)))
    contract = Contract.of(dossier, expectations / f"{dossier.use_case}.json")
    return Served(ref, dossier, found, contract)

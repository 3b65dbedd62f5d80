"""Everything about one version that may be champion: written once, when it is registered.

Usage::

    dossier = read(kept, "weather", 3)            # or DossierMissing
    dossier.inputs.columns                        # what a request holds, with Arrow's types
    dossier.learned.snapshot.sha256               # the rows that it learned from
    writing.write(weather, verdict, gate_id, 3, kept=kept, settings=settings)    # once, to promote

Serving, watching, invariants and pages read it, never today's declaration, which may have changed.

`use_case` `version` `doc` `recipe`     whose it is, and which candidate it came from
`model`      place, sha256, run: where the bytes lie, and which bytes they are
`proof`      the gate's decision and report, its metric, the figures on held-out rows, the floors
`inputs`     raw columns (name, Arrow type, nullable), key, timestamp, lookback, features, source
`answers`    target, kind, classes, positive class, unit, threshold, half width of intervals
`learned`    snapshot, features and split: training rows (drift is held against them), held-out rows
`golden`     raw rows and what the model said of them on the day it was trained
`declaration`  digest of the declaration that made it
"""

from evergreen.dossier.document import Answers, Dossier, Inputs, ModelFile, Proof, RawColumn
from evergreen.dossier.shelf import DossierLog, find, read

__all__ = [
    "Answers",
    "Dossier",
    "DossierLog",
    "Inputs",
    "ModelFile",
    "Proof",
    "RawColumn",
    "find",
    "read",
]  # fmt: skip

"""How long `train` takes, and where: fit and search, or what is logged beside it.

    python benchmarks/train.py [weather]

Reads the use case's newest snapshot of the running stack (`make up`); trains each candidate twice,
anew, so that the second is warm.
"""

import sys
import time
from datetime import UTC, datetime

from evergreen import catalog, settings
from evergreen.data import extraction
from evergreen.learning import features, training


def main() -> None:
    here = settings.get()
    use_case = catalog.load(here.use_cases_dir).find(sys.argv[1] if sys.argv[1:] else "weather")
    now = datetime.now(UTC)
    snapshot = extraction.extract(use_case, as_of=now, asked_at=now, settings=here)
    began = time.perf_counter()
    built = features.build(snapshot, use_case, here)
    print(f"build_features {time.perf_counter() - began:.2f} s")
    print(f"{'candidate':14} {'total':>6} {'fit':>6} {'beside':>6}")
    for candidate in use_case.candidates + use_case.baselines:
        for _ in range(2):
            began = time.perf_counter()
            ref = training.train(use_case, built, candidate.name, settings=here, force=True)
            total = time.perf_counter() - began
        print(f"{candidate.name:14} {total:6.2f} {ref.seconds:6.2f} {total - ref.seconds:6.2f}")


if __name__ == "__main__":
    main()

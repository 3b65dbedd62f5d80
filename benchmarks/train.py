"""How long `train` takes, and where: fit and search, or what is logged beside it.

    make up && .venv/bin/python benchmarks/train.py [weather]

Reads the use case's newest snapshot of the running stack (`make up`); trains each candidate twice,
anew, so that the second is warm.
"""

import time
from datetime import UTC, datetime

from common import Figures, happened, measuring, options
from evergreen import catalog, settings
from evergreen.data import extraction
from evergreen.learning import features, training


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("use_case", nargs="?", default="weather")
    arguments = parser.parse_args()
    with measuring(arguments) as figures:
        measure(arguments.use_case, 1 if arguments.small else 2, figures)


def measure(name: str, rounds: int, figures: Figures) -> None:
    here = settings.get()
    use_case = catalog.load(here.use_cases_dir).find(name)
    now = datetime.now(UTC)
    snapshot = extraction.extract(use_case, as_of=now, asked_at=now, settings=here)
    began = time.perf_counter()
    built = features.build(snapshot, use_case, here)
    seconds = time.perf_counter() - began
    figures.tell(f"build_features {seconds:.2f} s", step="build_features", seconds=seconds)
    figures.tell(f"{'candidate':14} {'total':>6} {'fit':>6} {'beside':>6}")
    for candidate in use_case.contenders + use_case.baselines:
        for _ in range(rounds):
            began = time.perf_counter()
            ref = training.train(
                use_case,
                built,
                candidate.name,
                trainings=training.Forgetful(),
                settings=here,
                force=True,
            )
            total = time.perf_counter() - began
        happened(f"{candidate.name} was trained anew", ref.seconds > 0, True)
        figures.tell(
            f"{candidate.name:14} {total:6.2f} {ref.seconds:6.2f} {total - ref.seconds:6.2f}",
            candidate=candidate.name, seconds=total, fit_seconds=ref.seconds,
        )  # fmt: skip


if __name__ == "__main__":
    main()

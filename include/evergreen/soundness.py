"""Are the use cases declared soundly? Told from their files alone: no database, no MLflow.

Usage::

    [found.sentence for found in check(catalog, suites_folder) if not found.sound]
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from evergreen.catalog import Catalog
from evergreen.errors import DeclarationError, SuiteError, UnknownUseCase
from evergreen.spec import UseCase


@dataclass(frozen=True)
class Declared:
    """What there is to say against a declaration."""

    name: str
    problems: tuple[str, ...]
    """Each in one sentence, or as the traceback that its file ends with."""

    @property
    def sound(self) -> bool:
        """Tell whether there is nothing to say against it."""
        return not self.problems


def check(catalog: Catalog, suites: Path, names: Iterable[str] = ()) -> list[Declared]:
    """Check these use cases by name, or all that the catalogue and the folder of suites hold.

    Raises:
        UnknownUseCase: there is no file of that name.
    """
    known = sorted({*catalog.use_cases, *catalog.broken})
    for name in names:
        if name not in known:
            raise UnknownUseCase(name, known)
    every = {*known, *(path.stem for path in suites.glob("*.json"))}
    return [Declared(name, _problems(name, catalog, suites)) for name in sorted({*names} or every)]


def _problems(name: str, catalog: Catalog, suites: Path) -> tuple[str, ...]:
    if name in catalog.broken:
        return (catalog.broken[name],)
    if name not in catalog.use_cases:
        return (f"{suites / name}.json is the suite of no use case",)
    use_case = catalog.use_cases[name]
    return (*_of_suite(suites, use_case), *_of_candidates(use_case))


def _of_suite(folder: Path, use_case: UseCase) -> Iterator[str]:
    from evergreen.quality import suites

    try:
        suite = suites.load(folder, use_case.name)
    except SuiteError as error:
        yield str(error)
    else:
        yield from suites.check_suite(suite, use_case)


def _of_candidates(use_case: UseCase) -> Iterator[str]:
    from evergreen.learning import boosted, spreading

    for candidate in (*use_case.candidates, *use_case.baselines):
        try:
            built = candidate.build()
            known = built.get_params()
            spreading.check(boosted.within(built), candidate.num_workers)
        except DeclarationError as error:
            yield f"candidate {candidate.name!r}: {error}"
            continue
        except Exception as error:  # whatever a user's function raises is theirs to see
            yield f"candidate {candidate.name!r} cannot be built: {type(error).__name__}: {error}"
            continue
        if unknown := sorted(set(candidate.search) - set(known)):
            allowed = ", ".join(sorted(known))
            yield f"candidate {candidate.name!r} searches {', '.join(unknown)}; allowed: {allowed}"

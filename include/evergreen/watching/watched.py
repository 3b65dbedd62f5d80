"""Who is watched: the champion or, while nothing has passed the gate yet, who answers on paper.

found = watched("stocks", records)
found.version, found.same.digests       # the fit in service, and the bytes of those before it
found.on_paper                          # no gate has passed it
"""

from dataclasses import dataclass

from evergreen import dossier
from evergreen.dossier import DossierLog
from evergreen.records import Chain, Records, chain
from evergreen.serving import papers
from evergreen.serving.model_ref import ModelRef


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A version, with the fits of its recipe that it followed."""

    version: int
    """0: nobody answers."""
    same: Chain
    on_paper: bool = False


def watched(use_case: str, records: Records) -> Watched:
    """Return whose answers are held against what they learned from."""
    promotions = records.promotions.of(use_case)
    if promotions:
        version = promotions[0].version
        return Watched(version=version, same=chain(promotions, version))
    if found := papers.newest(use_case, records=records):
        same = _of_one_recipe(found, records.dossiers)
        return Watched(version=found[0].version, same=same, on_paper=True)
    return Watched(version=0, same=chain((), 0))


def _of_one_recipe(fits: tuple[ModelRef, ...], kept: DossierLog) -> Chain:
    """Return the fits, newest first, down to the first of another recipe."""
    recipe, links = None, list[ModelRef]()
    for each in fits:
        own = dossier.find(kept, each.use_case, each.version)
        if links and (own is None or own.recipe != recipe):
            break
        recipe = own.recipe if own else None
        links.append(each)
    return Chain(
        versions=frozenset(link.version for link in links),
        digests=frozenset(link.sha256 for link in links),
    )

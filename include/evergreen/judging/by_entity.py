"""Which entities of a panel the challenger answers worst.

found = of(use_case, holdout, challenger_output, champion_output)
found.worst[0].name, found.worst[0].value      # "Oslo", 14.2
"""

from evergreen.judging.evidence import Entities, EntityScore
from evergreen.learning import entities
from evergreen.learning.features import RawHoldout
from evergreen.learning.models import Output
from evergreen.spec import UseCase

WORST = 5


def of(
    use_case: UseCase, holdout: RawHoldout, first: Output | None, present: Output | None
) -> Entities | None:
    """Return the entities of the judged rows, the worst named unless that would be personal.

    None: the rows are no panel, or the challenger did not answer them.
    """
    by, gate = entities.columns_of(use_case), use_case.gate
    if not by or first is None:
        return None
    rows, truth, metric = holdout.held_out, holdout.truth, gate.metric
    found = entities.by_entity(use_case, rows, truth, first)
    there = entities.by_entity(use_case, rows, truth, present) if present else []
    other = {one.name: one.metrics.get(metric) for one in there}
    many = [one for one in found if one.rows >= gate.min_slice_rows]
    known = [one for one in many if metric in one.metrics]
    worst = sorted(known, key=lambda one: one.metrics[metric], reverse=not use_case.more_is_better)
    told = not set(by) & set(use_case.source.personal)
    return Entities(
        by=by,
        count=len(found),
        few=len(found) - len(many),
        worst=tuple(
            EntityScore(
                name=one.name if told else "",
                rows=one.rows,
                value=one.metrics[metric],
                champion=other.get(one.name),
            )
            for one in worst[:WORST]
        ),
    )

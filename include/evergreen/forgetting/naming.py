"""The subject that is asked for, by the columns of the key: as declared, or as the records know."""

from collections.abc import Sequence

import pyarrow as pa

from evergreen.data import manifests, snapshots
from evergreen.errors import NotForgotten
from evergreen.forgetting.subject import Subject
from evergreen.records import Records
from evergreen.settings import Settings
from evergreen.spec import UseCase


def named(
    use_case: str,
    key: Sequence[str],
    declared: UseCase | None,
    *,
    records: Records,
    settings: Settings,
) -> Subject:
    """Return the subject of `column=value`, of one or more columns of the key.

    Raises:
        DeclarationError: the key is none of this use case.
        NotForgotten: it is not declared, and never had a champion.
    """
    dossiers = records.subjects.dossiers(use_case)
    if declared is not None:
        columns = declared.source.key
    elif dossiers:
        inputs = dossiers[max(dossiers)]["inputs"]
        columns = tuple(column["name"] for column in inputs["key"])
    else:
        raise NotForgotten(f"{use_case} is not declared, and never had a champion")
    return Subject.asked(use_case, columns, key, _types(use_case, settings))


def _types(use_case: str, settings: Settings) -> dict[str, pa.DataType]:
    """Return the types of the columns, by the newest snapshot."""
    store = snapshots.of(settings)
    newest = max(
        (document for _, document in store.manifests(use_case)),
        key=lambda document: str(document["about"].get("as_of", "")),
        default=None,
    )
    return {} if newest is None else {one.name: one.type for one in manifests.schema(newest)}

"""Write a dossier: the model is loaded, and its rows looked at, once for each version."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from sklearn.pipeline import Pipeline

from evergreen.data import chunks, snapshots
from evergreen.dossier import declaration
from evergreen.dossier.document import (
    Answers,
    Dossier,
    Inputs,
    ModelFile,
    Proof,
    RawColumn,
    Stretch,
)
from evergreen.dossier.shelf import DossierLog
from evergreen.errors import DeclarationError
from evergreen.learning import features, models, tracking
from evergreen.learning.models import Golden
from evergreen.refs import CandidateRef, FeaturesRef, Verdict
from evergreen.settings import Settings
from evergreen.spec import Kind, UseCase

if TYPE_CHECKING:
    from evergreen.learning.feature_code import FeatureCode

FEATURES = 1
"""Format of stored features; with another, none of before are read."""


def write(
    use_case: UseCase,
    verdict: Verdict,
    decision_id: str,
    version: int,
    *,
    kept: DossierLog,
    settings: Settings,
) -> Dossier:
    """Write what belongs to the verdict's challenger, which is `version`; the first one stays.

    Args:
        use_case: the declaration that it was trained and judged by.
        verdict: what the gate said of it.
        decision_id: of the gate, in the records.
        version: of the registry.
        kept: where the dossiers are.
        settings: where the model and its rows are.

    Raises:
        ModelRefused: the model or its golden rows cannot be had, or are not those that were gated.
        SnapshotCorrupt: the rows that it learned from are missing or changed.
    """
    if (known := kept.get(use_case.name, version)) is not None:
        return Dossier.from_json(known)
    challenger = verdict.evaluation.challenger
    model = tracking.fetch_model(settings, challenger.model_uri, challenger.sha256)
    golden = tracking.fetch_golden(settings, challenger.run_id)
    rows = raw_rows(use_case, verdict.evaluation.features, model[0], settings)
    made = describe(use_case, verdict, decision_id, version, model, golden, rows)
    return Dossier.from_json(kept.put(use_case.name, version, made.to_json()))


def adopt(
    use_case: UseCase,
    verdict: Verdict,
    decision_id: str,
    version: int,
    *,
    kept: DossierLog,
    settings: Settings,
) -> Dossier:
    """Write the dossier of a version from before there were any, if it is declared so today.

    Raises:
        DeclarationError: today's declaration reads other columns than the model does.
        ModelRefused, SnapshotCorrupt: as `write`.
    """
    challenger = verdict.evaluation.challenger
    own = tracking.fetch_model(settings, challenger.model_uri, challenger.sha256)[0]
    if list(own.inputs) != list(use_case.features.raw):
        allowed = f"what version {version} reads: {', '.join(own.inputs)}"
        raise DeclarationError("features", list(use_case.features.raw), allowed)
    return write(use_case, verdict, decision_id, version, kept=kept, settings=settings)


def describe(
    use_case: UseCase,
    verdict: Verdict,
    decision_id: str,
    version: int,
    model: Pipeline,
    golden: Golden,
    rows: pa.Table,
) -> Dossier:
    """Return the dossier; `rows` hold at least key, raw columns and target of the snapshot."""
    evaluation = verdict.evaluation
    return Dossier(
        use_case=use_case.name,
        version=version,
        doc=use_case.doc,
        recipe=evaluation.challenger.name,
        model=_file(evaluation.challenger),
        proof=_proof(use_case, verdict, decision_id),
        inputs=inputs(use_case, model[0], rows),
        answers=_answers(use_case, model, rows[use_case.source.target]),
        learned=evaluation.features,
        temporal=use_case.windows.temporal,
        golden=golden.to_json(),
        declaration=evaluation.features.snapshot.declaration or declaration.digest(use_case),
    )


def columns(rows: pa.Table, names: Any) -> tuple[RawColumn, ...]:
    """Return name, type and nullability of columns, from the snapshot's own schema."""
    return tuple(_column(rows.schema.field(name), rows[name]) for name in names)


def _column(field: "pa.Field[Any]", values: "pa.ChunkedArray[Any]") -> RawColumn:
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    found = RawColumn(name=field.name, type=_type(kind), nullable=values.null_count > 0)
    if found.is_fraction or found.type == "string":
        return RawColumn(name=found.name, type=found.type, nullable=True)
    return found


def _type(kind: pa.DataType) -> str:
    texts = pa.types.is_large_string(kind) or pa.types.is_string(kind) or pa.types.is_null(kind)
    return "string" if texts else str(kind)


def raw_rows(
    use_case: UseCase, learned: FeaturesRef, code: "FeatureCode", settings: Settings
) -> pa.Table:
    """Return key, raw columns and target of the rows that a model learned from, or might have."""
    source = use_case.source
    names = list(dict.fromkeys([*source.key, *code.inputs, source.target]))
    snapshot = learned.snapshot
    return snapshots.of(settings).table(snapshot.uri, snapshot.sha256, names)


def _file(challenger: CandidateRef) -> ModelFile:
    return ModelFile(uri=challenger.model_uri, sha256=challenger.sha256, run_id=challenger.run_id)


def _proof(use_case: UseCase, verdict: Verdict, decision_id: str) -> Proof:
    return Proof(
        decision_id=decision_id,
        report_id=verdict.evaluation.report_id,
        report=verdict.report,
        sentence=verdict.sentence,
        metric=use_case.gate.metric,
        figures=dict(verdict.evaluation.challenger.metrics),
        answers_uri=verdict.evaluation.challenger.answers_uri,
        answers_sha256=verdict.evaluation.challenger.answers_sha256,
        beside=use_case.scale.beside,
        floors=dict(use_case.gate.floors),
    )


def inputs(use_case: UseCase, code: "FeatureCode", rows: pa.Table) -> Inputs:
    """Take from the model what it carries itself, and the rest from the declaration."""
    source, text = use_case.source, use_case.features.text
    found = Inputs(
        columns=columns(rows, code.inputs),
        key=columns(rows, source.key),
        lookup=use_case.serving.key if use_case.serving else (),
        timestamp=source.timestamp,
        lookback=use_case.features.lookback,
        entity=tuple(getattr(code, "entity", ())),
        excluded=tuple(Stretch(start=one.start, end=one.end) for one in source.excluded),
        quarantined=source.quarantine > 0,
        computed=bool(code.source),
        numeric=tuple(code.numeric),
        categorical=tuple(name for name in code.categorical if name not in text),
        text=tuple(name for name in code.categorical if name in text),
        dates=tuple(code.dates),
        code_sha256=code.digest,
        table=source.table,
        query=source.query,
    )
    stored = use_case.features.stored
    return replace(found, definition=definition(found, code)) if stored else found


def definition(own: Inputs, code: "FeatureCode") -> str:
    """Name all that the features of a row hang on, besides the rows: code, columns and types."""
    return chunks.key(FEATURES, code.get_params(), own.to_json() | {"definition": ""})


def _answers(use_case: UseCase, model: Pipeline, target: "pa.ChunkedArray[Any]") -> Answers:
    found = getattr(model, "classes_", None)
    classes = () if found is None else tuple(found.tolist())
    labels = features.labels(use_case, target.unique().to_pandas().dropna())
    last, business = model[-1], use_case.business
    return Answers(
        target=use_case.source.target,
        kind=use_case.kind,
        classes=classes,
        never=tuple(sorted(set(labels.tolist()) - set(classes))) if classes else (),
        positive=classes[-1] if use_case.kind is Kind.BINARY else None,
        unit=business.unit if business else "",
        threshold=getattr(last, "threshold", None) if models.bare(last) is not last else None,
        half_width=getattr(last, "half_width", None),
    )

"""OpenLineage: which data each task read and wrote, where Airflow's provider for it is installed.

    moved([table(use_case, known)], [snapshot(use_case, ref)])     # in a task, when it is done

The datasets are named as OpenLineage names them, so that they meet those of dbt, Spark and others:

| dataset | namespace | name | version |
| --- | --- | --- | --- |
| table | `postgres://host:port` | `database.schema.table` | |
| snapshot, features | `file`, or `s3://bucket` | path | digest |
| model | the address of MLflow | use case | version in the registry |

Columns are those that the use case declares. Without the provider nothing is told.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from urllib.parse import quote, urlsplit

from airflow.sdk import Asset
from airflow.sdk.lineage import NoOpCollector, get_hook_lineage_collector

from evergreen.refs import SnapshotRef
from evergreen.settings import Settings
from evergreen.spec import UseCase

SCHEMA, PORT = "public", 5432
PREDICTION = "prediction"
_TASK: Any = object()
"""Who tells: Airflow keeps what is told of different ones apart."""


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Some data, as OpenLineage names it."""

    namespace: str
    name: str
    version: str = ""
    columns: tuple[str, ...] = ()
    made_from: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """For each column those of the data that were read with it; empty: they are not known."""


def moved(read: Iterable[Dataset], written: Iterable[Dataset]) -> None:
    """Tell what this task has read and written."""
    collector = get_hook_lineage_collector()
    if isinstance(collector, NoOpCollector):
        return
    sources = tuple(read)
    for one in sources:
        collector.add_input_asset(_TASK, uri=_uri(one), asset_extra=asdict(one))
    for one in written:
        extra = asdict(one) | {"sources": [(each.namespace, each.name) for each in sources]}
        collector.add_output_asset(_TASK, uri=_uri(one), asset_extra=extra)


def table(use_case: UseCase, known: Settings) -> list[Dataset]:
    """Return the table that the use case reads; none where it reads a query."""
    name = use_case.source.table
    return [in_warehouse(name, known, columns(use_case))] if name else []


def in_warehouse(name: str, known: Settings, columns: tuple[str, ...] = ()) -> Dataset:
    """Return a table beside the source's."""
    from evergreen.records.pool import whereabouts

    host, port, database = whereabouts(known.warehouse_url)
    full = name if "." in name else f"{SCHEMA}.{name}"
    return Dataset(
        namespace=f"postgres://{host or 'localhost'}:{port or PORT}",
        name=f"{database}.{full}",
        columns=columns,
    )


def snapshot(use_case: UseCase, ref: SnapshotRef) -> Dataset:
    """Return the rows that were taken: each column is that of the table."""
    own = columns(use_case)
    return in_store(ref.uri, ref.sha256, own, {name: (name,) for name in own})


def in_store(
    uri: str,
    sha256: str = "",
    columns: tuple[str, ...] = (),
    made_from: Mapping[str, tuple[str, ...]] | None = None,
) -> Dataset:
    """Return what lies at an address of the store."""
    place = urlsplit(uri)
    apart = place.scheme not in {"", "file"}
    return Dataset(
        namespace=f"{place.scheme}://{place.netloc}" if apart else "file",
        name=place.path.lstrip("/") if apart else place.path,
        version=sha256, columns=columns, made_from=made_from or {},
    )  # fmt: skip


def model(use_case: UseCase, version: int, known: Settings) -> Dataset:
    """Return a version of the registry; its prediction is made of what the model sees."""
    return Dataset(
        namespace=_bare(known.tracking_uri), name=use_case.name, version=str(version),
        columns=(PREDICTION,), made_from={PREDICTION: use_case.features.raw},
    )  # fmt: skip


def predictions(name: str, known: Settings) -> Dataset:
    """Return the table that predictions are written to."""
    own = in_warehouse(name, known, (PREDICTION,))
    return replace(own, made_from={PREDICTION: (PREDICTION,)})


def columns(use_case: UseCase) -> tuple[str, ...]:
    """Return the columns that the use case declares, each once."""
    source = use_case.source
    named = (*source.key, source.timestamp, *use_case.features.raw)
    target = () if source.target_sql else (source.target,)
    return tuple(dict.fromkeys(name for name in (*named, *target, source.weight) if name))


def to_openlineage(asset: Asset, _context: Any) -> Any:
    """Return the dataset of OpenLineage that an asset of ours stands for."""
    from openlineage.client.event_v2 import Dataset as Theirs
    from openlineage.client.facet_v2 import (
        column_lineage_dataset as lineage,
    )
    from openlineage.client.facet_v2 import (
        dataset_version_dataset as versioned,
    )
    from openlineage.client.facet_v2 import (
        schema_dataset as schema,
    )

    known: dict[str, Any] = dict(asset.extra)
    if "namespace" not in known:
        return Theirs(namespace="evergreen", name=asset.uri.removeprefix("evergreen://"))
    facets: dict[str, Any] = {}
    if names := known["columns"]:
        fields = [schema.SchemaDatasetFacetFields(name=name) for name in names]
        facets["schema"] = schema.SchemaDatasetFacet(fields=fields)
    if version := known["version"]:
        facets["version"] = versioned.DatasetVersionDatasetFacet(datasetVersion=version)
    if (made := known["made_from"]) and (sources := known.get("sources")):
        facets["columnLineage"] = lineage.ColumnLineageDatasetFacet(
            fields={
                column: lineage.Fields(
                    inputFields=[
                        lineage.InputField(namespace=namespace, name=name, field=theirs)
                        for namespace, name in sources
                        for theirs in origins
                    ]
                )
                for column, origins in made.items()
            }
        )
    return Theirs(namespace=known["namespace"], name=known["name"], facets=facets)


def _bare(address: str) -> str:
    """Return an address without the user and the password that it may hold."""
    place = urlsplit(address)
    return place._replace(netloc=place.netloc.rpartition("@")[2]).geturl()


def _uri(one: Dataset) -> str:
    """Return an address of our scheme, which Airflow lets `to_openlineage` translate."""
    return f"evergreen://data/{quote(one.namespace, safe='')}/{quote(one.name, safe='/')}"

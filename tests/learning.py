"""Small real data for the tests of learning: Seattle weather and iris, as snapshots."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
from sklearn.datasets import load_iris
from sklearn.model_selection import StratifiedKFold

from evergreen import catalog
from evergreen.data import snapshots
from evergreen.data.splits import Fold
from evergreen.learning import features, training
from evergreen.learning.rows import Rows
from evergreen.refs import CandidateRef, Counts, FeaturesRef, SnapshotRef
from evergreen.settings import PROJECT, Settings
from evergreen.spec import UseCase, Windows
from fakes import FakeTrainings

CATALOG = catalog.load(PROJECT / "include" / "use_cases")
WEATHER, IRIS = CATALOG.find("weather"), CATALOG.find("iris")
AS_OF = datetime(2016, 1, 3, tzinfo=UTC)


def weather_rows() -> pd.DataFrame:
    """Return 1,460 days, as the demo's table and its target have them."""
    from vega_datasets import local_data

    rows = local_data.seattle_weather()
    tomorrow = rows["precipitation"].shift(-1) > 0
    return rows.drop(columns="weather").assign(rain_tomorrow=tomorrow).iloc[:-1]


def iris_rows() -> pd.DataFrame:
    """Return 150 flowers."""
    bunch = load_iris()
    names = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
    species = np.array(bunch.target_names)[bunch.target]
    return pd.DataFrame(bunch.data, columns=names).assign(id=range(150), species=species)


def flowers() -> Rows:
    """Return the flowers as recipes see them."""
    frame = iris_rows()
    return Rows(frame[list(IRIS.features.columns)], features.labels(IRIS, frame["species"]), None)


def folds(rows: Rows) -> list[Fold]:
    """Return five folds, the classes alike in each."""
    splitter = StratifiedKFold(5, shuffle=True, random_state=0)
    return [Fold(train, test) for train, test in splitter.split(rows.frame, rows.truth)]


def snapshot(use_case: UseCase, rows: pd.DataFrame, settings: Settings) -> SnapshotRef:
    """Write rows as `extract` would."""
    table = pa.Table.from_pandas(rows, preserve_index=False)
    store = snapshots.of(settings)
    stored = store.write(use_case.name, table.to_batches(), table.schema, {})
    return SnapshotRef(
        use_case=use_case.name,
        uri=stored.uri,
        sha256=stored.sha256,
        rows=stored.rows,
        as_of=AS_OF,
        counts=Counts(taken=stored.rows),
    )


def built(use_case: UseCase, rows: pd.DataFrame, settings: Settings) -> FeaturesRef:
    """Write rows, and build their features."""
    return features.build(snapshot(use_case, rows, settings), use_case, settings)


def served(use_case: UseCase, ref: FeaturesRef, name: str, settings: Settings) -> CandidateRef:
    """Walk a recipe, and fit it to serve."""
    walked = training.train(
        use_case, ref, name, trainings=FakeTrainings(), settings=settings, force=True
    )
    return training.fit(use_case, ref, walked, settings=settings)


def shuffled(rows: pd.DataFrame, target: str, seed: int = 0) -> pd.DataFrame:
    """Return the rows with labels that mean nothing."""
    order = np.random.default_rng(seed).permutation(len(rows))
    return rows.assign(**{target: rows[target].to_numpy()[order]})


def recent_weather() -> UseCase:
    """Return the weather use case on two years, for speed."""
    windows = Windows(
        holdout=timedelta(days=180), training=timedelta(days=500), embargo=timedelta(days=1)
    )
    return replace(WEATHER, windows=windows)

"""Traffic for the prediction service, from rows that the champion learned from, or from newer ones.

Usage::

    shifts = [Shift.parse("temp_max=+2sd"), Shift.parse("precipitation=*0.2")]
    sent = simulate(use_case, 200, shifts, flip_labels=0.3, seed=1, settings=settings)
    sent.rows, sent.labelled, sent.versions      # 200, 200, {3: 200}

Each row is asked for over HTTP, with the rows before it where features look back; its label
follows by feedback. The same seed draws the same rows.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Self

import httpx
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from evergreen import dossier
from evergreen.data import snapshots
from evergreen.data.selection import at, relation
from evergreen.data.splits import TRAINING
from evergreen.data.warehouse import quoted, reading
from evergreen.dossier import Dossier, Inputs, RawColumn
from evergreen.errors import DeclarationError, EvergreenError, StackError, did_you_mean
from evergreen.learning.features import PART
from evergreen.records import Records
from evergreen.refs import ChampionRef
from evergreen.settings import Settings
from evergreen.spec import Kind, UseCase

SHIFT = re.compile(r"(?P<column>[^=]+)=(?P<sign>[+\-*])(?P<amount>\d+(\.\d+)?)(?P<sd>sd)?")
BATCH = 100
"""Rows of a request, where features do not look back."""
TOGETHER = 4
"""Requests at a time."""
Row = dict[str, Any]
Places = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Shift:
    """A change of a numeric column."""

    column: str
    sign: str
    amount: float
    deviations: bool
    """The amount counts standard deviations of the column."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `wind=+2sd`, `wind=-1.5` or `wind=*0.5`.

        Raises:
            DeclarationError: it is none of these.
        """
        found = SHIFT.fullmatch(text.strip())
        if found is None or (found["sign"] == "*" and found["sd"]):
            raise DeclarationError("--shift", text, "column=+2sd, column=-1.5 or column=*0.5")
        return cls(found["column"], found["sign"], float(found["amount"]), bool(found["sd"]))

    def apply(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the frame with the column changed.

        Raises:
            DeclarationError: there is no such column, or it holds no numbers.
        """
        numeric = frame.select_dtypes("number").columns
        if self.column not in numeric:
            hint = did_you_mean(self.column, numeric)
            raise DeclarationError("--shift", self.column, f"one of {', '.join(numeric)}{hint}")
        values = frame[self.column]
        step = self.amount * (float(values.std()) if self.deviations else 1.0)
        moved = {"+": values + step, "-": values - step, "*": values * self.amount}[self.sign]
        whole = values.dtype.kind in "iu"
        return frame.assign(**{self.column: moved.round().astype(values.dtype) if whole else moved})


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What came of the traffic."""

    use_case: str
    url: str
    rows: int
    labelled: int
    flipped: int
    versions: dict[int, int] = field(default_factory=dict)
    """How many rows each version answered."""
    started: datetime
    ended: datetime

    @property
    def sentence(self) -> str:
        """What came of it in one sentence."""
        answered = ", ".join(f"version {v}: {count}" for v, count in self.versions.items())
        wrong = f", {self.flipped} of them wrong" if self.flipped else ""
        return (
            f"{self.url} answered {self.rows} rows ({answered})"
            f" and took {self.labelled} labels{wrong}"
        )


@dataclass(frozen=True)
class Requests:
    """The rows to ask for, and how the service wants them."""

    inputs: Inputs
    frame: pd.DataFrame
    """Raw rows of the snapshot in its order, shifted, with the target as it was."""
    chosen: Sequence[int]
    """Positions of the rows to ask for."""

    def bodies(self) -> Iterator[tuple[Row, Sequence[int]]]:
        """Yield what to post to `predict/batch`, and the positions whose answers come back."""
        if not self.inputs.looks_back:
            for start in range(0, len(self.chosen), BATCH):
                places = self.chosen[start : start + BATCH]
                yield {"rows": [self._row(place) for place in places]}, places
            return
        for place in self.chosen:
            yield {"history": [self._row(n) for n in self._history(place)], "last": 1}, [place]

    def _history(self, place: int) -> Sequence[int]:
        """Return the positions from the lookback's start up to the row, of the same series."""
        frame, time = self.frame, self._times
        since = time.iloc[place] - pd.Timedelta(self.inputs.lookback)
        near = (time >= since) & (np.arange(len(frame)) <= place)
        for name in (key.name for key in self.inputs.key):
            if name != self.inputs.timestamp:
                near &= frame[name] == frame[name].iloc[place]
        return [int(position) for position in np.flatnonzero(near)]

    @cached_property
    def _times(self) -> "pd.Series[pd.Timestamp]":
        return pd.to_datetime(self.frame[str(self.inputs.timestamp)])

    def _row(self, place: int) -> Row:
        return {c.name: _told(c, self.frame[c.name].iloc[place]) for c in self.inputs.columns}


def simulate(
    use_case: UseCase,
    rows: int,
    shifts: Sequence[Shift] = (),
    *,
    flip_labels: float = 0.0,
    fresh: bool = False,
    seed: int = 0,
    records: Records,
    settings: Settings,
) -> Sent:
    """Ask the service for rows of the champion's training, shifted, and tell it their labels.

    Args:
        use_case: whose champion is asked.
        rows: how many rows, drawn with replacement.
        shifts: how the inputs differ from those that the champion learned from.
        flip_labels: share of the labels that are told wrongly, 0 to 1.
        fresh: ask for rows of the source that are newer than what the champion has learned from.
        seed: of what is drawn.
        settings: where the service answers.

    Raises:
        DeclarationError: an argument is not allowed.
        EvergreenError: there is no champion, or the service refused a row.
        StackError: the service does not answer.
    """
    if not 0 <= flip_labels <= 1:
        raise DeclarationError("--flip-labels", flip_labels, "a share from 0 to 1")
    random = np.random.default_rng(seed)
    champion, own = _champion(use_case, records)
    if fresh:
        frame, places = _newer(use_case, own, champion.knowledge_until, settings)
    else:
        frame, places = _learned(own, settings)
    asked, true = _draw(own, frame, places, rows, shifts, random)
    labels, flipped = _labels(use_case, true, asked.chosen, flip_labels, random)
    started = datetime.now(UTC)
    with service(settings) as client, ThreadPoolExecutor(TOGETHER) as pool:
        asking = _Service(client, use_case.name)
        answers = [each for some in pool.map(asking.ask, asked.bodies()) for each in some]
        told = pool.map(asking.tell, [name for name, _ in answers], asking.known(labels))
        labelled = sum(told)
    return Sent(
        use_case=use_case.name,
        url=str(client.base_url),
        rows=len(answers),
        labelled=labelled,
        flipped=flipped,
        versions=dict(Counter(version for _, version in answers)),
        started=started,
        ended=datetime.now(UTC),
    )


def drawn(
    use_case: UseCase, rows: int, *, seed: int, records: Records, settings: Settings
) -> list[Row]:
    """Return so many bodies for `predict/batch`, of one row each that the champion learned from.

    Raises:
        EvergreenError: there is no champion.
    """
    _, own = _champion(use_case, records)
    frame, places = _learned(own, settings)
    random = np.random.default_rng(seed)
    asked, _ = _draw(own, frame, places, rows, (), random)
    singly = (replace(asked, chosen=[place]) for place in asked.chosen)
    return [body for one in singly for body, _ in one.bodies()]


def _champion(use_case: UseCase, records: Records) -> tuple[ChampionRef, Dossier]:
    champion = records.promotions.champion(use_case.name)
    if champion is None:
        raise EvergreenError(f"{use_case.name} has no champion yet")
    return champion, dossier.read(records.dossiers, use_case.name, champion.version)


@dataclass(frozen=True)
class _Service:
    client: httpx.Client
    use_case: str

    def ask(self, asked: tuple[Row, Sequence[int]]) -> list[tuple[str, int]]:
        """Return id and version of each answer."""
        found = self._sent("POST", "predict/batch", asked[0])
        return [(each["id"], int(found["version"])) for each in found["predictions"]]

    def known(self, labels: Sequence[Any]) -> list[Any]:
        """Return the labels as the model writes them: a source's True may be its 1."""
        answer = self._sent("GET", "model-info")
        written = {label: label for label in answer["labels"]}
        return [written.get(label, label) for label in labels]

    def tell(self, name: str, label: Any) -> bool:
        """Tell what turned out to be true."""
        return bool(self._sent("POST", "feedback", {"id": name, "label": label})["stored"])

    def _sent(self, method: str, path: str, body: Row | None = None) -> Row:
        try:
            answer = self.client.request(method, f"/{self.use_case}/{path}", json=body)
        except httpx.HTTPError as error:
            url = self.client.base_url
            raise StackError(f"the service at {url} does not answer: {error}") from error
        if answer.is_error:
            raise EvergreenError(f"the service answered {answer.status_code}: {answer.text[:300]}")
        return dict(answer.json())


def plain(value: Any) -> Any:
    """Return a value as JSON has it: NaN becomes null, a moment its ISO text."""
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    found = value.item() if hasattr(value, "item") else value
    return None if found != found else found


def _told(column: RawColumn, value: Any) -> Any:
    """Return a value as a request holds it: a whole number that pandas made 3.0 is 3."""
    found = plain(value)
    return int(found) if column.is_whole and found is not None else found


def _learned(own: Dossier, settings: Settings) -> tuple[pd.DataFrame, Places]:
    """Return the rows of the champion's snapshot, and where its training rows are in it."""
    learned, store = own.learned, snapshots.of(settings)
    frame = store.frame(learned.snapshot.uri, learned.snapshot.sha256)
    part = store.table(learned.uri, learned.sha256, [PART])[PART].to_numpy()
    return frame, np.flatnonzero(part == TRAINING)


def _newer(
    use_case: UseCase, own: Dossier, until: datetime | None, settings: Settings
) -> tuple[pd.DataFrame, Places]:
    """Return the source's rows from a lookback before what the champion knows, and the newer ones.

    Raises:
        EvergreenError: rows have no time, or none is newer and has its label.
    """
    if until is None or own.inputs.timestamp is None:
        raise EvergreenError(f"the rows of {use_case.name} have no time, so that none is newer")
    time, source = own.inputs.timestamp, use_case.source
    table, alias = relation(source)
    target = f", ({source.target_sql}) AS {quoted(source.target)}" if source.target_sql else ""
    rows = f"SELECT {alias}.*{target} FROM {table} AS {alias}"
    since = f"{quoted(time)} > {at(until - own.inputs.lookback)}"
    order = ", ".join(quoted(name) for name in (time, *source.key))
    with reading(settings.warehouse_url) as moment:
        schema, batches = moment.stream(
            f"SELECT * FROM ({rows}) AS labelled WHERE {since} ORDER BY {order}"
        )
        frame = pa.Table.from_batches(batches, schema).to_pandas(date_as_object=False)
    newer = pd.to_datetime(frame[time], utc=True) > until
    places = np.flatnonzero(newer & frame[source.target].notna())
    if not len(places):
        raise EvergreenError(
            f"{use_case.name} has no labelled row newer than {until:%Y-%m-%d %H:%M} UTC"
        )
    return frame, places


def _draw(
    own: Dossier,
    frame: pd.DataFrame,
    places: Places,
    rows: int,
    shifts: Sequence[Shift],
    random: np.random.Generator,
) -> tuple[Requests, "pd.Series[Any]"]:
    """Draw from the places whose history is complete; return the true labels, too."""
    inputs = own.inputs
    if inputs.looks_back and inputs.timestamp:
        moments = pd.to_datetime(frame[inputs.timestamp])
        places = places[(moments >= moments.min() + inputs.lookback).to_numpy()[places]]
    shifted = frame
    for shift in shifts:
        shifted = shift.apply(shifted)
    chosen = [int(place) for place in random.choice(places, size=rows)]
    return Requests(inputs, shifted, chosen), frame[own.answers.target]


def _labels(
    use_case: UseCase,
    true: "pd.Series[Any]",
    chosen: Sequence[int],
    share: float,
    random: np.random.Generator,
) -> tuple[list[Any], int]:
    """Return the labels to tell, so many of them wrong: another class, or another row's value."""
    labels = [plain(true.iloc[place]) for place in chosen]
    wrong = np.flatnonzero(random.random(len(labels)) < share)
    classes = [plain(value) for value in sorted(true.dropna().unique())]
    for place in wrong:
        if use_case.kind is Kind.REGRESSION:
            labels[place] = plain(true.iloc[int(random.integers(len(true)))])
        else:
            others = [value for value in classes if value != labels[place]]
            labels[place] = others[int(random.integers(len(others)))]
    return labels, len(wrong)


def service(settings: Settings) -> httpx.Client:
    """Return a client of the prediction service, with its key and without a proxy."""
    headers = {"X-API-Key": settings.api_keys[0]} if settings.api_keys else {}
    return httpx.Client(base_url=settings.serve_url, headers=headers, timeout=60, trust_env=False)

"""The story of watching one window.

    seen = watch(weather, Window(start=..., end=...), records=records, settings=settings)

The clock is not read: the window is given. What was found out about a window and a champion stays;
only an unknown window is measured again.
"""

import statistics
from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from evergreen import dossier, storage
from evergreen.dossier import Dossier
from evergreen.errors import DossierMissing, ModelRefused, ReferenceMissing, SnapshotCorrupt
from evergreen.records import Chain, Labelled, Logged, Records
from evergreen.records.predictions import SEED
from evergreen.refs import Band, Outcome, Window, WindowRef
from evergreen.settings import Settings
from evergreen.spec import UseCase
from evergreen.watching import (
    columns,
    drift,
    estimate,
    late_labels,
    outputs,
    pairs,
    profile,
    quality,
    reference,
    report,
    verdict,
)
from evergreen.watching.drift import Compared
from evergreen.watching.estimate_facts import EstimatedMetric
from evergreen.watching.facts import Facts, MetricFacts, Origin, OutputFacts, QualityFacts
from evergreen.watching.outputs import PREDICTION
from evergreen.watching.pair_facts import TogetherFacts
from evergreen.watching.profile import Profile
from evergreen.watching.report import Pictures
from evergreen.watching.watched import Watched, watched
from evergreen.watching.yardstick import History, Stretch, Yardstick

WINDOWS_BEFORE, LEAST_BEFORE = 24, 6
"""How many windows tell the usual volume, and how many of them it takes."""
UNPROVEN = " It answers on paper: no gate has passed it."


def watch(use_case: UseCase, window: Window, *, records: Records, settings: Settings) -> WindowRef:
    """Hold the window's logged predictions against the present champion, and keep what it was.

    While nothing has passed the gate yet, it is who answers on paper that is watched.

    Raises:
        DatabaseAway: the database is away.
    """
    who = watched(use_case.name, records)
    known = records.windows.find(use_case.name, window, who.version)
    if known and known.outcome != Outcome.UNKNOWN:
        return known
    measured = _Measuring(use_case, window, records, settings)
    facts = measured.facts(who)
    judged = verdict.judge(facts, use_case.monitoring)
    seen = _ref(use_case, facts, judged, who, report.identify(window, who.version))
    pages = storage.of(settings, storage.DRIFT)
    report.write(use_case, facts, judged, seen, measured.pictures, pages)
    return records.windows.keep(seen)


class _Measuring:
    """One window while it is measured."""

    def __init__(
        self, use_case: UseCase, window: Window, records: Records, settings: Settings
    ) -> None:
        self._use_case, self._window = use_case, window
        self._records, self._settings = records, settings
        self._limits = use_case.monitoring
        self.pictures = Pictures()

    def facts(self, who: Watched) -> Facts:
        """Measure everything that can be measured."""
        window, same = self._window, who.same
        logged = self._records.predictions.logged(
            self._use_case.name, window, same.digests, self._limits.sample
        )
        found = Facts(
            use_case=self._use_case.name, start=window.start, end=window.end, rows=logged.rows,
            champion_rows=logged.champion_rows, dropped=logged.dropped, sampled=len(logged.inputs),
            seed=SEED, usual_rows=self._usual_rows(),
        )  # fmt: skip
        if not who.version:
            return replace(found, problem=f"{found.use_case} has no champion to hold it against")
        try:
            own = dossier.read(self._records.dossiers, found.use_case, who.version)
            held_against = reference.load(own, self._limits.sample, self._settings)
        except (DossierMissing, ReferenceMissing, SnapshotCorrupt) as problem:
            return replace(found, problem=f"there is no reference: {problem}")
        found = replace(
            found, origin=_origin(own, held_against), reference_sampled=len(held_against.frame),
            given=late_labels.collect(
                self._use_case, own, self._labels_window, records=self._records,
                settings=self._settings,
            ),
        )  # fmt: skip
        return self._compared(found, own, logged, held_against, same)

    def _compared(
        self,
        found: Facts,
        own: Dossier,
        logged: Logged,
        held_against: reference.Reference,
        same: Chain,
    ) -> Facts:
        known, problem = self._profile(own)
        alpha, tests = self._alpha(own, held_against)
        labelled = self._labelled(same)
        found = replace(
            found, alpha=alpha, tests=tests, quality=self._quality(own, known, labelled)
        )
        if found.rows < self._limits.min_rows:
            few = (
                f"{found.rows} predictions were logged; fewer than {self._limits.min_rows}"
                " prove nothing"
            )
            return replace(found, problem=few)
        checked = columns.check(
            held_against, logged.inputs, self._use_case.compared(own.inputs.names)
        )
        history = History(own, held_against, known, self._settings)
        yardstick, compared, together = self._drift(history, checked, logged, alpha)
        by_name = {column.name: column for column in compared.columns}
        importance = known.importance if known else {}
        answers = OutputFacts(problem=problem)
        estimated = None
        told = logged.champion_rows >= self._limits.min_rows
        if told:
            estimated = estimate.measure(own, logged, labelled, self._use_case, self._settings)
        if told and known:
            answers = outputs.measure(logged, known, by_name.get(PREDICTION), yardstick.confidence)
        return replace(
            found,
            usual=yardstick.told,
            together=together,
            estimate=estimated,
            outputs=replace(
                answers,
                basis=yardstick.bases.get(PREDICTION, ""),
                sure=yardstick.sure(PREDICTION),
            ),
            columns=tuple(
                replace(
                    fact,
                    importance=importance.get(name),
                    distance=by_name[name].distance if name in by_name else None,
                    threshold=by_name[name].threshold if name in by_name else None,
                    basis=yardstick.bases.get(name, ""),
                    sure=yardstick.sure(name),
                )
                for name, fact in checked.facts.items()
            ),
        )

    def _drift(
        self, history: History, checked: columns.Checked, logged: Logged, alpha: float
    ) -> tuple[Yardstick, Compared, TogetherFacts | None]:
        """Let Evidently compare the sound columns, and the answers as one more; then the pairs."""
        own, now, kinds = history.own, checked.frame, dict(checked.kinds)
        if history.profile and logged.champion_rows >= self._limits.min_rows:
            said = outputs.given(own.answers.kind, logged.outputs)
            if said.notna().sum() >= 2:
                kinds[PREDICTION] = outputs.column(own.answers.kind)
                now = pd.concat([now, said.rename(PREDICTION)], axis=1)
        stretch = Stretch.of(logged, own.inputs.timestamp, self._window)
        yardstick = history.yardstick(now, kinds, stretch, alpha, self._limits)
        compared = drift.compare(yardstick.before, now, kinds, yardstick.thresholds)
        alone = {column.name for column in compared.columns if column.drifted}
        paired = pairs.measure(
            history, yardstick, checked.frame, checked.kinds, stretch, alpha, self._limits, alone
        )
        self.pictures = Pictures(yardstick.before, now, compared, paired)
        return yardstick, compared, paired.facts

    def _profile(self, own: Dossier) -> tuple[Profile | None, str]:
        limit = self._limits.sample
        try:
            return profile.of(own, limit, self._settings, self._use_case.metrics), ""
        except (ModelRefused, SnapshotCorrupt) as problem:
            return None, f"the champion's own answers are unknown: {problem}"

    def _labelled(self, same: Chain) -> Labelled:
        return self._records.predictions.labelled(
            self._use_case.name, self._labels_window, same.digests,
            self._use_case.source.label_delay, self._limits.sample,
        )  # fmt: skip

    def _quality(self, own: Dossier, known: Profile | None, labelled: Labelled) -> QualityFacts:
        since, least = self._labels_window.start, self._limits.min_labels
        return quality.measure(own, known, labelled, since, least, self._use_case.metrics)

    @property
    def _labels_window(self) -> Window:
        """When the answers were given whose labels tell the live quality."""
        end = self._window.end
        return Window(start=end - self._use_case.labels_reach, end=end)

    def _alpha(self, own: Dossier, held_against: reference.Reference) -> tuple[float, int]:
        """Share the false alarms of a window between its tests (Bonferroni).

        Each column has two (distance, nulls), a category a third; then the pairs of columns, the
        answers, the confidence, and each metric against floor or holdout, estimates too if trusted.
        """
        kinds = [k for k in held_against.kinds.values() if k in {drift.NUMERIC, drift.CATEGORICAL}]
        tests = 2 * len(kinds) + kinds.count(drift.CATEGORICAL) + 2
        tests += self._limits.pairs
        tests += len(profile.wanted_metrics(own)) * (1 + self._limits.trust_estimate)
        return self._limits.false_alarms / tests, tests

    def _usual_rows(self) -> float | None:
        window = self._window
        before = [
            earlier.rows
            for earlier in self._records.windows.newest(self._use_case.name, 2 * WINDOWS_BEFORE)
            if earlier.end < window.end and earlier.end - earlier.start == window.end - window.start
        ][:WINDOWS_BEFORE]
        return statistics.median(before) if len(before) >= LEAST_BEFORE else None


def _origin(own: Dossier, held_against: reference.Reference) -> Origin:
    learned = own.learned
    return Origin(
        version=own.version,
        sha256=own.model.sha256,
        snapshot_sha256=learned.snapshot.sha256,
        snapshot_uri=learned.snapshot.uri,
        as_of=learned.snapshot.as_of,
        split=learned.split,
        rows=held_against.rows,
    )


def _ref(
    use_case: UseCase, facts: Facts, judged: verdict.Judged, who: Watched, report_id: str
) -> WindowRef:
    answers, labels = facts.outputs, facts.quality
    deciding = labels.metrics[0] if labels and labels.metrics else None
    return WindowRef(
        use_case=use_case.name,
        start=facts.start,
        end=facts.end,
        champion=who.version,
        on_paper=who.on_paper,
        rows=facts.rows,
        outcome=judged.outcome,
        sentence=f"{judged.sentence}{UNPROVEN}" if who.on_paper else judged.sentence,
        alarms=judged.alarms,
        unknowns=judged.unknowns,
        drifted=tuple(column.name for column in facts.drifted),
        together=tuple(pair.name for pair in facts.pairs),
        drift_share=facts.drift_share,
        weighted_share=facts.weighted_share,
        prediction_drift=answers.drifted if answers else None,
        drift_critical=verdict.drift_is_critical(facts, use_case.monitoring),
        confidence=answers.confidence if answers else None,
        unsure=verdict.unsure(facts),
        metric=deciding.name if deciding else use_case.gate.metric,
        live=deciding.live if deciding else None,
        holdout=deciding.holdout if deciding else None,
        floor=deciding.floor if deciding else use_case.gate.floors.get(use_case.gate.metric),
        poor=tuple(verdict.poor(facts, use_case.monitoring)),
        estimate=_band(facts.estimate.metrics if facts.estimate else (), deciding),
        expected=_band(facts.estimate.labelled if facts.estimate else (), deciding),
        labelled=labels.labelled if labels else 0,
        coverage=labels.coverage if labels else None,
        report_id=report_id,
    )


def _band(found: Sequence[EstimatedMetric], deciding: MetricFacts | None) -> Band | None:
    """Return what was estimated of the metric that decides."""
    return next((one.band for one in found if deciding and one.name == deciding.name), None)

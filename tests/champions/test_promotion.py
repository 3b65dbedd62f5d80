import itertools
import json
import signal
import subprocess
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from database import records_of
from evergreen.champions.promotion import promote, reconcile, rollback, unpin
from evergreen.champions.registry import ModelRegistry, _client
from evergreen.errors import (
    DeclarationError,
    ModelRefused,
    NothingToRollBackTo,
    NotOurs,
    StalePromotion,
)
from evergreen.learning.names import OURS, named
from evergreen.records import Decision, decision_id
from evergreen.records.decisions import Decisions
from evergreen.records.pins import Pins
from evergreen.records.promotions import Promotions
from evergreen.refs import (
    CandidateRef,
    ChampionRef,
    Counts,
    EvaluationRef,
    FeaturesRef,
    PromotionRef,
    SnapshotRef,
    Span,
    Verdict,
)
from evergreen.settings import Settings
from fakes import FakeLedger

AS_OF = datetime(2026, 3, 1, tzinfo=UTC)
GOLDEN = "9" * 64
_numbers = itertools.count()


def proven(*_: object) -> str:
    """Stands in for `proof.prove`, which has a test of its own."""
    return GOLDEN


def broken(*_: object) -> str:
    raise ModelRefused("the bytes are others than on record")


class House:
    """A use case of the test's own, in a real ledger and a real registry."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.name = f"promotion_{next(_numbers)}"
        self.ledger = records_of(settings)
        self.registry = ModelRegistry(settings, records_of(settings).locks)
        self.described: list[int] = []

    def describe(self, verdict: Verdict, decision_id: str, version: int) -> None:
        """Stands in for `dossier.writing.write`, which has tests of its own."""
        self.described.append(version)

    @property
    def champion(self) -> ChampionRef | None:
        return self.ledger.promotions.champion(self.name)

    @property
    def model(self) -> str:
        """What MLflow calls it."""
        return named(self.settings, self.name)

    @property
    def crowned(self) -> int | None:
        return self.registry.crowned(self.name)

    @property
    def chain(self) -> list[tuple[int, str, str]]:
        rows = self.ledger.promotions.of(self.name)
        return [(row.version, row.kind, row.state) for row in reversed(rows)]

    def outcomes(self, kind: str) -> list[str]:
        return [d.outcome for d in self.ledger.decisions.newest(self.name, kind=kind)]

    def judged(self, digit: str, *, passed: bool = True, as_of: datetime = AS_OF) -> Verdict:
        """Return a verdict on a challenger against the present champion; it is on record."""
        verdict = self.verdict(digit, passed=passed, as_of=as_of)
        report_id = verdict.evaluation.report_id
        self.ledger.decisions.record(
            Decision(
                id=decision_id(self.name, "fit/train", report_id),
                use_case=self.name,
                kind="fit",
                outcome="passed" if passed else "refused",
                sentence=verdict.sentence,
                evidence=verdict.to_json(),
                as_of=as_of,
                run_key=f"run-{digit}",
                actor="schedule",
            )
        )
        return verdict

    def verdict(self, digit: str, *, passed: bool = True, as_of: datetime = AS_OF) -> Verdict:
        champion = self.champion
        run_id = _client(self.settings).create_run("0").info.run_id
        snapshot = SnapshotRef(
            use_case=self.name, uri="/s", sha256="5" * 64, rows=9, as_of=as_of,
            counts=Counts(taken=9),
        )  # fmt: skip
        span = Span(rows=6)
        features = FeaturesRef(
            snapshot=snapshot, uri="/f", sha256="6" * 64, training=span, holdout=span, split="hash"
        )
        challenger = CandidateRef(
            name="logistic", run_id=run_id, model_uri=f"runs:/{run_id}/model", sha256=digit * 64,
            cv={}, metrics={"f1": 0.9}, seconds=1,
        )  # fmt: skip
        before = champion.promotion_id if champion else 0
        evaluation = EvaluationRef(
            uri="e.json", report_id=f"report-{digit}-{before}", challenger=challenger,
            champion=champion, features=features,
        )  # fmt: skip
        sentence = f"Challenger {digit}: {'better' if passed else 'worse'}."
        return Verdict(
            evaluation=evaluation, passed=passed, sentence=sentence, checks=(), report="r.html"
        )

    def promote(self, verdict: Verdict, **parts: object) -> PromotionRef:
        parts = {"prove": proven, "describe": self.describe, "actor": "ada"} | parts
        return promote(
            verdict,
            ledger=self.ledger,
            settings=self.settings,
            reason=verdict.sentence,
            **parts,
        )

    def champions(self, digits: str) -> None:
        """Let one challenger after the other become champion: versions 1, 2 ..."""
        for digit in digits:
            self.promote(self.judged(digit))

    def rollback(self, to: int | None = None, **parts: object) -> PromotionRef:
        parts = {"prove": proven} | parts
        return rollback(
            self.name,
            to=to,
            reason="it is wrong",
            actor="ada",
            ledger=self.ledger,
            settings=self.settings,
            **parts,
        )

    def reconcile(self) -> list[str]:
        return reconcile(self.name, self.ledger, self.settings)

    def unpin(self) -> str:
        return unpin(
            self.name,
            reason="it was the data",
            actor="ada",
            ledger=self.ledger,
            settings=self.settings,
        )


@pytest.fixture
def house(settings: Settings) -> House:
    return House(settings)


def test_the_challenger_of_a_passed_gate_becomes_champion(house: House):
    verdict = house.judged("a")

    done = house.promote(verdict)

    assert done.promoted
    assert done.champion == house.champion
    assert house.crowned == 1
    (row,) = house.ledger.promotions.of(house.name)
    assert (row.sha256, row.golden_sha256, row.state) == ("a" * 64, GOLDEN, "done")
    assert row.decision_id == decision_id(house.name, "fit/train", verdict.evaluation.report_id)
    assert house.outcomes("promotion") == ["promoted"]
    assert house.ledger.decisions.newest(house.name, kind="promotion")[0].run_key == "run-a"
    assert house.described == [1]


def test_promoting_again_changes_nothing(house: House):
    verdict = house.judged("a")
    first = house.promote(verdict)

    again = house.promote(verdict)

    assert again == first
    assert house.chain == [(1, "change", "done")]
    assert house.registry.versions(house.name) == {1: "a" * 64}
    assert house.outcomes("promotion") == ["promoted"]


def test_promoting_again_after_the_champion_moved_on_changes_nothing(house: House):
    verdict = house.judged("a")
    house.promote(verdict)
    house.champions("b")

    again = house.promote(verdict)

    assert not again.promoted
    assert "version 2" in again.sentence
    assert house.crowned == 2


def test_each_promotion_names_its_predecessor(house: House):
    house.champions("abc")

    rows = house.ledger.promotions.of(house.name)

    assert [row.predecessor_id for row in rows] == [rows[1].id, rows[2].id, None]


def test_a_refused_challenger_is_not_promoted(house: House):
    house.champions("a")

    done = house.promote(house.judged("b", passed=False))

    assert not done.promoted
    assert done.sentence == "Challenger b: worse."
    assert (done.champion, house.crowned) == (house.champion, 1)
    assert house.outcomes("promotion") == ["refused", "promoted"]


def test_a_verdict_that_no_gate_put_on_record_is_not_promoted(house: House):
    done = house.promote(house.verdict("a"))

    assert not done.promoted
    assert "the ledger holds no decision" in done.sentence
    assert house.champion is None


def test_a_verdict_on_other_bytes_than_were_gated_is_not_promoted(house: House):
    verdict = house.judged("a")
    swapped = replace(verdict.evaluation.challenger, sha256="b" * 64)

    done = house.promote(
        replace(verdict, evaluation=replace(verdict.evaluation, challenger=swapped))
    )

    assert not done.promoted
    assert "other bytes" in done.sentence
    assert house.champion is None


def test_the_champion_itself_is_not_promoted_again(house: House):
    house.champions("a")

    done = house.promote(house.judged("a"))

    assert not done.promoted
    assert "this very model" in done.sentence
    assert house.chain == [(1, "change", "done")]


def test_a_challenger_that_cannot_be_loaded_is_not_promoted(house: House):
    house.champions("a")

    with pytest.raises(ModelRefused):
        house.promote(house.judged("b"), prove=broken)

    assert house.crowned == 1
    assert house.registry.versions(house.name) == {1: "a" * 64}
    assert house.outcomes("promotion") == ["refused", "promoted"]


def test_a_challenger_compared_with_an_earlier_champion_is_stale(house: House):
    house.champions("a")
    late = house.judged("c")
    house.champions("b")

    with pytest.raises(StalePromotion, match=r"compared with version 1, .* version 2 by now"):
        house.promote(late)

    assert house.crowned == 2
    assert house.outcomes("promotion") == ["stale", "promoted", "promoted"]


def test_of_two_promoters_at_once_one_wins_and_one_is_told_stale(house: House):
    verdicts = [house.judged("a"), house.judged("b")]
    start = threading.Barrier(2)

    def race(verdict: Verdict) -> PromotionRef:
        start.wait()
        return house.promote(verdict, registry=ModelRegistry(house.settings, house.ledger.locks))

    with ThreadPoolExecutor(2) as pool:
        done: list[Future[PromotionRef]] = [pool.submit(race, v) for v in verdicts]

    errors = [future.exception() for future in done]
    assert sorted(type(e).__name__ for e in errors) == ["NoneType", "StalePromotion"]
    winner = done[errors.index(None)].result()
    assert house.chain == [(1, "change", "done")]
    assert winner.champion == house.champion
    assert house.crowned == 1


def test_two_tries_of_the_same_task_at_once_promote_once(house: House):
    verdict = house.judged("a")

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(house.promote, [verdict, verdict]))

    assert done[0] == done[1]
    assert house.chain == [(1, "change", "done")]


KILLED_PROMOTER = """
import json, os, signal, sys
import sqlalchemy.exc
from pathlib import Path
from evergreen.champions.promotion import promote
from evergreen.refs import Verdict
from evergreen.champions.registry import ModelRegistry
from evergreen.records import Records
from evergreen.settings import Settings

fields, verdict, point = json.loads(sys.argv[1])

def die():
    os.kill(os.getpid(), signal.SIGKILL)

class DyingRegistry(ModelRegistry):
    def register(self, *args):
        version = super().register(*args)
        if point == "registered":
            die()
        return version

    def crown(self, *args):
        if point == "on record":
            die()
        super().crown(*args)
        if point == "crowned":
            die()

settings = Settings(**{k: Path(v) if k.endswith(("dir", "home")) else v for k, v in fields.items()})
records = Records(settings.database_url)
promote(Verdict.from_json(verdict), ledger=records, settings=settings, actor="ada", reason="better",
        describe=lambda *_: None, registry=DyingRegistry(settings, records.locks),
        prove=lambda *_: "9" * 64)
"""


@pytest.mark.parametrize("point", ["registered", "on record", "crowned"])
def test_after_kill_9_the_retry_completes_with_one_version_and_one_row(house: House, point: str):
    house.champions("a")
    verdict = house.judged("b")
    fields = {key: str(value) for key, value in vars(house.settings).items() if value}
    document = json.dumps([fields, verdict.to_json(), point])

    killed = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", KILLED_PROMOTER, document],
        capture_output=True, text=True,
    )  # fmt: skip
    before = (house.crowned, [state for *_, state in house.chain])
    done = house.promote(verdict)

    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert before == {
        "registered": (1, ["done"]),
        "on record": (1, ["done", "pending"]),
        "crowned": (2, ["done", "pending"]),
    }[point]  # fmt: skip
    assert done.promoted
    assert house.crowned == 2
    assert house.chain == [(1, "change", "done"), (2, "change", "done")]
    assert house.registry.versions(house.name) == {1: "a" * 64, 2: "b" * 64}
    assert house.outcomes("promotion") == ["promoted", "promoted"]


def test_rolls_back_to_the_champion_before(house: House):
    house.champions("ab")

    done = house.rollback()

    assert done.promoted
    assert done.champion is not None
    assert (done.champion.version, done.champion.sha256) == (1, "a" * 64)
    assert done.sentence == "Rolled back from version 2 to 1: it is wrong"
    assert house.crowned == 1
    assert house.chain[-1] == (1, "rollback", "done")
    assert [house.registry.status(house.name, v) for v in (1, 2)] == ["champion", "archived"]
    assert house.outcomes("rollback") == ["rolled back"]


def test_rolling_back_again_goes_further_back(house: House):
    house.champions("abc")

    versions = [house.rollback().champion.version for _ in range(2)]

    assert versions == [2, 1]
    with pytest.raises(NothingToRollBackTo, match="version 1 was the first champion"):
        house.rollback()


def test_rolls_back_from_a_champion_that_came_a_second_time(house: House):
    house.champions("aba")

    house.rollback()

    assert [version for version, _, _ in house.chain] == [1, 2, 1, 2]


def test_rolls_back_to_the_version_asked_for(house: House):
    house.champions("abc")

    house.rollback(to=1)
    house.rollback(to=3)

    assert house.crowned == 3
    assert [version for version, *_ in house.chain] == [1, 2, 3, 1, 3]


def test_a_rollback_that_is_repeated_with_its_key_changes_nothing(house: House):
    house.champions("abc")

    first = house.rollback(key="operations_rollback/1")
    again = house.rollback(key="operations_rollback/1")

    assert again == first
    assert house.crowned == 2


@pytest.mark.parametrize(
    ("to", "reason"),
    [(7, "never champion; champions were: 1, 2"), (2, "champion already")],
)
def test_there_is_no_way_back_to_what_was_not_an_earlier_champion(
    house: House, to: int, reason: str
):
    house.champions("ab")
    _client(house.settings).create_model_version(house.model, source="runs:/x/model")

    with pytest.raises(NothingToRollBackTo, match=reason):
        house.rollback(to=to)

    assert house.crowned == 2
    assert house.outcomes("rollback") == ["refused"]


def test_without_a_champion_there_is_nothing_to_roll_back_to(house: House):
    with pytest.raises(NothingToRollBackTo, match="never been a champion"):
        house.rollback()


def test_an_earlier_champion_that_does_not_prove_itself_stays_where_it_is(house: House):
    house.champions("ab")

    with pytest.raises(ModelRefused):
        house.rollback(prove=broken)

    assert house.crowned == 2
    (decision,) = house.ledger.decisions.newest(house.name, kind="rollback")
    assert decision.sentence == "Not rolled back: the bytes are others than on record"


def test_a_version_that_a_person_went_back_to_is_pinned(house: House):
    house.champions("ab")
    house.rollback()

    done = house.promote(house.judged("c"))

    assert not done.promoted
    assert "version 1 is pinned by ada (it is wrong)" in done.sentence
    assert f"`evergreen unpin {house.name}`" in done.sentence
    assert house.crowned == 1
    assert house.rollback(to=2).champion.version == 2


@pytest.mark.parametrize("step", [(Decisions, "record"), (Pins, "lift")])
def test_who_is_interrupted_unpins_by_saying_it_again(
    step: tuple[type, str], house: House, monkeypatch: pytest.MonkeyPatch
):
    house.champions("ab")
    house.rollback()
    with monkeypatch.context() as patched:
        patched.setattr(*step, interrupted)
        with pytest.raises(KeyboardInterrupt):
            house.unpin()

    house.unpin()

    assert house.outcomes("rollback") == ["unpinned", "rolled back"]
    assert house.ledger.pins.get(house.name) is None


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def test_unpinned_it_gives_way_again(house: House):
    house.champions("ab")
    house.rollback()

    told = house.unpin()
    house.champions("c")

    assert told == "Version 1, pinned by ada, is pinned no more: it was the data"
    assert house.crowned == 3
    assert house.outcomes("rollback") == ["unpinned", "rolled back"]
    with pytest.raises(NothingToRollBackTo, match=r"no version of .* is pinned"):
        house.unpin()


def test_a_person_who_forces_a_promotion_lifts_the_pin(house: House):
    house.champions("ab")
    house.rollback()

    done = house.promote(replace(house.judged("c"), kind="forced"))

    assert done.promoted
    assert house.chain[-1] == (3, "forced", "done")
    assert house.ledger.pins.get(house.name) is None


def test_a_forced_promotion_that_fails_leaves_the_pin(house: House):
    house.champions("ab")
    house.rollback()

    with pytest.raises(KeyboardInterrupt):
        house.promote(replace(house.judged("c"), kind="forced"), describe=interrupted)

    assert house.ledger.pins.get(house.name).version == 1


def test_whoever_comes_next_lifts_the_pin_of_a_forced_promotion_that_was_interrupted(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    house.champions("ab")
    house.rollback()
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Pins, "lift", interrupted)
        house.promote(replace(house.judged("c"), kind="forced"))

    house.reconcile()

    assert house.crowned == 3
    assert house.ledger.pins.get(house.name) is None


def test_whoever_comes_next_pins_after_a_rollback_that_was_interrupted(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    house.champions("ab")
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Pins, "put", interrupted)
        house.rollback()

    told = house.reconcile()

    pin = house.ledger.pins.get(house.name)
    assert told == ["Finished the rollback of version 1, which was interrupted."]
    assert house.crowned == 1
    assert (pin.version, pin.actor, pin.reason) == (1, "ada", "it is wrong")


def test_a_rollback_that_moved_nobody_pins_nobody(house: House, monkeypatch: pytest.MonkeyPatch):
    house.champions("ab")
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Promotions, "append", interrupted)
        house.rollback()

    assert house.ledger.pins.get(house.name) is None
    assert house.promote(house.judged("c")).promoted


def test_a_refresh_meanwhile_does_not_make_a_comparison_of_recipes_stale(house: House):
    house.champions("a")
    compared = house.judged("c")
    house.promote(replace(house.judged("b"), kind="refresh"))

    done = house.promote(compared)

    assert done.promoted
    assert house.chain == [(1, "change", "done"), (2, "refresh", "done"), (3, "change", "done")]


@pytest.mark.parametrize("person", [False, True])
def test_a_late_refresh_takes_over_only_where_a_person_asks_for_it(house: House, person: bool):
    house.champions("a")
    late = replace(house.judged("b", as_of=AS_OF - timedelta(days=6)), kind="refresh")
    house.promote(replace(house.judged("c"), kind="refresh"))

    done = house.promote(late, actor="ada" if person else "schedule")

    assert done.promoted is person
    if not person:
        assert "version 2, the champion, is as of" in done.sentence
    assert house.chain[:2] == [(1, "change", "done"), (2, "refresh", "done")]


def test_a_champion_after_a_rollback_names_the_rollback_as_its_predecessor(house: House):
    house.champions("ab")
    back = house.rollback()
    house.unpin()

    house.champions("c")

    newest = house.ledger.promotions.of(house.name)[0]
    assert (newest.version, newest.predecessor_id) == (3, back.champion.promotion_id)


def test_an_alias_that_was_deleted_is_put_back_and_told(house: House):
    house.champions("ab")
    _client(house.settings).delete_registered_model_alias(house.model, "champion")

    told = house.reconcile()

    assert house.crowned == 2
    assert told == [
        "The alias champion had been deleted; it names version 2 again, as in the ledger."
    ]
    assert [d.sentence for d in house.ledger.decisions.newest(house.name, kind="repair")] == told
    assert house.reconcile() == []


def test_an_alias_that_was_moved_is_put_back(house: House):
    house.champions("ab")
    _client(house.settings).set_registered_model_alias(house.model, "champion", "1")

    (told,) = house.reconcile()

    assert house.crowned == 2
    assert "moved to version 1" in told


def test_an_alias_that_no_promotion_gave_is_removed(house: House):
    crowned_by_hand(house, OURS)

    (told,) = house.reconcile()

    assert house.crowned is None
    assert "never promoted" in told


def test_a_model_of_the_same_name_that_is_not_ours_is_never_touched(house: House):
    crowned_by_hand(house, {"team": "others"})
    verdict = house.judged("a")

    told = house.reconcile()
    with pytest.raises(NotOurs, match=r"EVERGREEN_MODEL_PREFIX"):
        house.promote(verdict)

    theirs = _client(house.settings).get_registered_model(house.model)
    assert (told, house.champion) == ([], None)
    assert {name: int(version) for name, version in theirs.aliases.items()} == {"champion": 1}
    assert len(_client(house.settings).search_model_versions(f"name = '{house.model}'")) == 1


def test_a_model_of_ours_from_before_names_had_a_prefix_is_renamed(house: House):
    house.champions("ab")
    _client(house.settings).rename_registered_model(house.model, house.name)

    assert house.reconcile() == []
    house.champions("c")

    assert house.crowned == 3


def crowned_by_hand(house: House, tags: dict[str, str]) -> None:
    client = _client(house.settings)
    client.create_registered_model(house.model, tags=tags)
    client.create_model_version(house.model, source="runs:/x/model")
    client.set_registered_model_alias(house.model, "champion", "1")


def test_a_champion_that_was_deleted_from_the_registry_is_told_and_can_be_left(house: House):
    house.champions("ab")
    _client(house.settings).delete_model_version(house.model, "2")

    (told,) = house.reconcile()
    assert house.reconcile() == [told]
    assert house.outcomes("repair") == ["missing"]  # on record once, as it lasts
    done = house.rollback()

    assert "the registry does not hold it" in told
    assert done.champion.version == house.crowned == 1


def test_nobody_goes_back_to_a_version_that_was_deleted_from_the_registry(house: House):
    house.champions("ab")
    _client(house.settings).delete_model_version(house.model, "1")

    with pytest.raises(ModelRefused, match=r"does not hold version 1 \(any more\)"):
        house.rollback()

    assert house.chain == [(1, "change", "done"), (2, "change", "done")]
    assert house.ledger.pins.get(house.name) is None
    assert house.crowned == 2


def test_a_name_that_could_not_be_a_use_case_is_refused(settings: Settings):
    with pytest.raises(DeclarationError):
        reconcile("x' OR '1'='1", FakeLedger(), settings)


def test_promotion_is_light_to_import():
    heavy = "{'pandas', 'numpy', 'mlflow', 'sklearn', 'pyarrow', 'apprise'}"
    code = f"import evergreen.champions.promotion, sys; print(sorted({heavy} & set(sys.modules)))"

    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert result.stdout.strip() == "[]", result.stderr

"""A challenger waits for a person's word, where its use case asks for one."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from database import records_of
from evergreen import approvals, catalog, cycle, steps
from evergreen.champions import promotion
from evergreen.errors import AlreadyAnswered, DeclarationError, Retired, StalePromotion
from evergreen.records import Approval, Decision, Pin, Records, decision_id
from evergreen.refs import PromotionRef
from evergreen.retirement import retire
from evergreen.settings import PROJECT, Settings
from evergreen.spec import Candidate, Release, UseCase
from evergreen.steps import Run
from evergreen_workshop import demo
from webhook import Webhook

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

AS_OF = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def kept(settings: Settings) -> Records:
    return records_of(settings)


@pytest.fixture
def iris(settings: Settings) -> UseCase:
    """Iris, whose every good recipe takes over once a person approves."""
    demo.load("iris", settings.database_url, until=date(2026, 2, 28))
    declared = catalog.load(PROJECT / "include" / "use_cases").find("iris")
    return replace(
        declared,
        candidates=(catalog_candidate("logistic"),),
        gate=replace(declared.gate, min_improvement=-1.0),
        release=Release(approval=True, approval_within=timedelta(days=4)),
    )


def catalog_candidate(name: str) -> Candidate:
    declared = catalog.load(PROJECT / "include" / "use_cases").find("iris")
    return replace(declared.candidate(name), search={})


def train(use_case: UseCase, settings: Settings, day: int = 0) -> PromotionRef:
    moment = AS_OF + timedelta(days=day)
    asked = Run(as_of=moment, asked_at=moment, key=f"test/{day}", actor="schedule")
    done = cycle.run(use_case, asked, records=records_of(settings), settings=settings).promotion
    assert done is not None
    return done


def say(
    use_case: UseCase,
    settings: Settings,
    approve: bool = True,
    actor: str = "ada",
    at: datetime = AS_OF,
) -> PromotionRef:
    return steps.answer(
        use_case, approve=approve, reason="I read the report", actor=actor, at=at,
        records=records_of(settings), settings=settings,
    )  # fmt: skip


def challenged(iris: UseCase, settings: Settings) -> UseCase:
    """Let a champion be approved and another recipe wait to follow it; return who declares that."""
    train(iris, settings)
    say(iris, settings)
    other = replace(iris, candidates=(catalog_candidate("neighbours"),))
    train(other, settings)
    return other


def crash_after(
    answer: str, kept: Records, *, by: str = "nobody", reason: str = "it was late"
) -> None:
    """Answer what waits, and do nothing of what follows from it."""
    [waiting] = kept.approvals.waiting("iris")
    kept.approvals.answer(waiting.id, answer, by=by, reason=reason)


def told(kept: Records) -> list[Decision]:
    return list(reversed(kept.decisions.newest("iris", kind="approval")))


def test_nothing_serves_before_a_person_approves_and_then_it_does(
    iris: UseCase, settings: Settings, kept: Records
) -> None:
    asked, again = train(iris, settings), train(iris, settings)
    [waiting] = kept.approvals.waiting("iris")
    nobody = kept.promotions.champion("iris")
    done = say(iris, settings)

    assert not asked.promoted
    assert "version 1 waits for a person's word since 2026-03-01 00:00 UTC" in asked.sentence
    assert again.sentence == asked.sentence
    assert (waiting.version, waiting.expires_at) == (1, AS_OF + timedelta(days=4))
    assert nobody is None
    champion = kept.promotions.champion("iris")
    assert champion is not None
    assert done.promoted
    assert champion.version == 1
    assert done.sentence.startswith("Approved by ada: I read the report. ")
    assert kept.approvals.waiting("iris") == ()
    assert [(each.outcome, each.actor) for each in told(kept)] == [
        ("asked", "schedule"), ("approved", "ada")
    ]  # fmt: skip


def test_the_recipe_in_charge_is_fitted_anew_without_asking(
    iris: UseCase, settings: Settings, kept: Records
) -> None:
    train(iris, settings)
    say(iris, settings)
    fresh = replace(iris, gate=replace(iris.gate, min_improvement=1.0))  # no other recipe wins
    demo.feed("iris", settings.database_url, 20)

    done = train(fresh, settings, day=20)

    assert done.promoted, done.sentence
    assert kept.promotions.of("iris")[0].kind == "refresh"
    assert kept.approvals.waiting("iris") == ()


def test_the_recipe_in_charge_is_fitted_anew_while_another_waits(
    iris: UseCase, settings: Settings, kept: Records
) -> None:
    other = challenged(iris, settings)
    demo.feed("iris", settings.database_url, 20)

    done = train(other, settings, day=20)
    approved = say(other, settings)

    assert done.promoted, done.sentence
    assert "was not put forward: version 2 waits for a person's word" in done.sentence
    assert "Refreshed logistic, the recipe in charge" in done.sentence
    assert approved.promoted, approved.sentence
    assert [(row.version, row.kind) for row in kept.promotions.of("iris")] == [
        (2, "change"), (3, "refresh"), (1, "change")
    ]  # fmt: skip


def test_what_was_refused_is_not_asked_about_again(
    iris: UseCase, settings: Settings, kept: Records
) -> None:
    train(iris, settings)
    done, again = say(iris, settings, approve=False), train(iris, settings)

    assert done.sentence == "Version 1 was refused by ada: I read the report"
    assert "Version 1 was refused by ada" in again.sentence
    assert kept.promotions.champion("iris") is None
    assert kept.approvals.waiting() == ()


def test_of_two_who_answer_one_is_heard_and_the_other_told(
    iris: UseCase, settings: Settings, kept: Records
) -> None:
    train(iris, settings)
    [waiting] = kept.approvals.waiting("iris")
    say(iris, settings)

    with pytest.raises(AlreadyAnswered, match=r"nothing of iris .*: version 1 .* by ada"):
        say(iris, settings, approve=False, actor="bob")
    with pytest.raises(AlreadyAnswered, match=r"^version 1 of iris was approved by ada on 20"):
        steps.answer(
            iris, approve=False, reason="no", actor="bob", at=AS_OF, asked=waiting.id,
            records=kept, settings=settings,
        )  # fmt: skip


def test_where_nobody_was_ever_asked_nothing_waits(iris: UseCase, settings: Settings) -> None:
    with pytest.raises(AlreadyAnswered, match=r"^nothing of iris waits for a person's word$"):
        say(iris, settings)


def test_an_answer_that_a_crash_interrupted_is_made_up_by_saying_it_again(
    iris: UseCase, settings: Settings, kept: Records
) -> None:
    train(iris, settings)
    crash_after("approved", kept, by="ada", reason="I read the report")

    done = say(iris, settings)

    assert done.promoted
    assert len(kept.promotions.of("iris")) == 1
    assert len([each for each in told(kept) if each.outcome == "approved"]) == 1


def test_whoever_says_it_again_makes_it_up_in_the_name_of_who_said_it_first(
    iris: UseCase, settings: Settings, kept: Records
) -> None:
    train(iris, settings)
    crash_after("approved", kept, by="ada", reason="I read the report")

    done = say(iris, settings, actor="bob")

    assert done.promoted
    assert [row.actor for row in kept.promotions.of("iris")] == ["ada"]


def test_an_answer_after_the_end_is_not_heard(
    iris: UseCase, settings: Settings, kept: Records
) -> None:
    train(iris, settings)

    with pytest.raises(AlreadyAnswered, match=r"was withdrawn on .* \(nobody answered in time\)$"):
        say(iris, settings, at=AS_OF + timedelta(days=4))

    assert kept.promotions.of("iris") == ()


def test_a_challenger_that_comes_while_one_waits_is_not_put_forward(
    iris: UseCase, settings: Settings, kept: Records
) -> None:
    train(iris, settings)
    demo.feed("iris", settings.database_url, 20)

    later = train(iris, settings, day=20)

    assert "was not put forward: version 1 waits for a person's word" in later.sentence
    assert [each.version for each in kept.approvals.newest("iris")] == [1]


def test_what_somebody_forced_meanwhile_is_not_promoted_twice(
    iris: UseCase, settings: Settings, kept: Records
) -> None:
    train(iris, settings)
    asked = Run(as_of=AS_OF, asked_at=AS_OF, key="cli/force", actor="bob")
    forced = steps.force(iris, asked, reason="now", records=kept, settings=settings)

    done = say(iris, settings)

    assert forced.promoted
    assert [row.kind for row in kept.promotions.of("iris")] == ["forced"]
    assert kept.approvals.waiting("iris") == ()
    assert (done.promoted, done.sentence) == (
        False, "Not promoted: version 1, the champion, is this very model.",
    )  # fmt: skip


def test_what_was_forced_and_rolled_back_can_be_forced_again(
    iris: UseCase, settings: Settings, kept: Records
) -> None:
    other = challenged(iris, settings)
    asked = Run(as_of=AS_OF, asked_at=AS_OF, key="cli/force", actor="bob")
    steps.force(other, asked, reason="now", records=kept, settings=settings)
    promotion.rollback(
        "iris", to=None, reason="too early", actor="bob", ledger=kept, settings=settings
    )

    again = steps.force(other, asked, reason="now", records=kept, settings=settings)

    assert again.promoted
    assert [row.version for row in kept.promotions.of("iris")] == [2, 1, 2, 1]


def test_a_pin_is_not_passed_by_an_approval(
    iris: UseCase, settings: Settings, kept: Records
) -> None:
    other = challenged(iris, settings)
    kept.pins.put(Pin(use_case="iris", version=1, reason="odd", actor="bob"))

    done, later = say(other, settings), train(other, settings, day=1)

    champion = kept.promotions.champion("iris")
    assert champion is not None
    assert champion.version == 1
    assert "version 1 is pinned by bob (odd)" in done.sentence
    assert not later.promoted
    assert "version 1 is pinned by bob (odd)" in later.sentence
    assert kept.decisions.newest("iris", kind="promotion")[0].sentence == later.sentence
    assert kept.approvals.waiting("iris") == ()


def go_on(kept: Records) -> None:
    """Let somebody else move the champion of iris."""
    newest = kept.promotions.of("iris")[0]
    somebody = kept.decisions.record(
        Decision(
            id=decision_id("iris", "rollback", "somebody"), use_case="iris", kind="rollback",
            outcome="rolled back", sentence="Back.", evidence={}, as_of=None, run_key="",
            actor="bob",
        )
    )  # fmt: skip
    kept.promotions.append(
        replace(newest, predecessor_id=newest.id, kind="rollback", decision_id=somebody.id, id=0)
    )


def test_a_champion_that_moved_meanwhile_makes_the_answer_stale(
    iris: UseCase, settings: Settings, kept: Records
) -> None:
    other = challenged(iris, settings)
    go_on(kept)

    with pytest.raises(StalePromotion, match="train again"):
        say(other, settings)

    assert "not promoted" in kept.approvals.newest("iris")[0].outcome
    assert kept.approvals.waiting("iris") == ()


def test_the_next_challenger_takes_the_place_of_one_that_was_overtaken(
    iris: UseCase, settings: Settings, kept: Records
) -> None:
    other = challenged(iris, settings)
    go_on(kept)

    train(other, settings, day=1)

    newest, before, _ = kept.approvals.newest("iris")
    assert (newest.answer, before.answer) == (None, "overtaken")
    assert "version 1 became champion meanwhile (rollback)" in before.outcome


def test_it_is_told_when_it_begins_once_more_at_half_time_and_when_it_is_over(
    iris: UseCase, settings: Settings, kept: Records, webhook: Webhook
) -> None:
    known = replace(settings, notify_urls=(webhook.url,))
    train(iris, known)
    for day in (1, 2, 3, 4, 5):
        now = AS_OF + timedelta(days=day)
        approvals.expire("iris", now, records=kept, settings=known)
        approvals.remind("iris", now, records=kept, settings=known)

    assert [message["title"] for message in webhook.messages] == [
        "Evergreen: iris has a challenger that waits for your word",
        "Evergreen: iris still has a challenger that waits for your word",
        "Evergreen: over: iris has a challenger that waits for your word",
        "Evergreen: over: iris still has a challenger that waits for your word",
    ]
    [expired] = kept.approvals.newest("iris")
    assert (expired.answer, expired.answered_by) == ("expired", "nobody")
    assert "evergreen approve iris" in webhook.messages[0]["message"]
    with pytest.raises(AlreadyAnswered, match=r"was withdrawn on .* \(nobody answered in time\)$"):
        say(iris, known)


def test_a_question_that_a_crash_left_untold_is_told_by_the_next_try(
    iris: UseCase, settings: Settings, kept: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(approvals, "_record", lambda *_: 1 / 0)
        train(iris, settings)

    train(iris, settings)
    train(iris, settings)

    assert [one.outcome for one in told(kept)] == ["asked"]
    assert len(kept.incidents.newest("iris", kind="approval", open=True)) == 1


@pytest.mark.parametrize("crashed", ["expired", "overtaken"])
def test_what_a_crash_left_withdrawn_silences_nobody_who_comes_later(
    iris: UseCase, settings: Settings, kept: Records, crashed: str
) -> None:
    train(iris, settings)
    crash_after(crashed, kept)
    demo.feed("iris", settings.database_url, 20)

    train(iris, settings, day=20)

    newest, before = kept.approvals.newest("iris")
    assert (newest.answer, before.answer) == (None, crashed)
    assert before.outcome == "Version 1 waits no longer for a person's word: it was late."
    lasting, over = kept.incidents.newest("iris", kind="approval")
    assert (lasting.resolved_at, over.resolution) == (None, before.outcome)
    assert [one.outcome for one in told(kept)] == ["asked", crashed, "asked"]


def test_what_a_crash_left_withdrawn_is_told_by_whoever_looks_next(
    iris: UseCase, settings: Settings, kept: Records
) -> None:
    train(iris, settings)
    crash_after("expired", kept)

    first = approvals.expire("iris", AS_OF, records=kept, settings=settings)
    second = approvals.expire("iris", AS_OF, records=kept, settings=settings)

    assert first == ["iris: Version 1 waits no longer for a person's word: it was late."]
    assert second == []
    assert kept.incidents.newest("iris", kind="approval", open=True) == ()


def test_a_retired_use_case_asks_nobody(iris: UseCase, settings: Settings, kept: Records) -> None:
    train(iris, settings)
    retire("iris", reason="sold", actor="ada", records=kept, settings=settings)

    assert kept.approvals.newest("iris")[0].answer == "overtaken"
    with pytest.raises(Retired):
        say(iris, settings)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"strategy": "ab"}, "release.approval is True"),
        ({"approval_within": timedelta(0)}, "release.approval_within"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, object], told: str) -> None:
    with pytest.raises(DeclarationError, match=told):
        Release(approval=True, **wrong)  # type: ignore[arg-type]


def test_of_a_use_case_one_waits_at_a_time(kept: Records) -> None:
    def ask(version: int) -> Approval:
        return kept.approvals.ask(
            Approval(
                use_case="iris", version=version, decision_id="d", sentence="Better.", report="",
                asked_at=AS_OF, expires_at=AS_OF + timedelta(days=1),
            )
        )  # fmt: skip

    assert [ask(1).version, ask(2).version] == [1, 1]

"""The card of a model that was trained, judged and promoted for real."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

import evidences
from database import records_of
from evergreen import dossier
from evergreen.cards import Card, card_of, page
from evergreen.cards.card import _figures, _limits
from evergreen.champions import promotion
from evergreen.errors import DossierMissing
from evergreen.judging.evidence import Evidence
from evergreen.refs import Span
from test_invariants import NAME, World, built_world, world

__all__ = ["built_world", "world"]


class Tags(HTMLParser):
    """The tags of a page, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def keep(world: World, told: Evidence) -> Path:
    """Keep evidence where the decision on the champion says that it lies; return its file."""
    champion = world.ledger.promotions.champion(NAME)
    assert champion is not None
    first, *others = told.models
    text = replace(told, models=(replace(first, run_id=champion.run_id), *others)).to_text()
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    world.execute(
        "UPDATE evergreen.decisions SET evidence = jsonb_set(evidence, '{evaluation,sha256}',"
        f" to_jsonb('{sha256}'::text))"
    )
    file = world.settings.home / "reports" / "evidence.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    return file


@pytest.fixture
def judged(world: World) -> Iterator[World]:
    """The world, with the evidence of its gate where the decision says that it lies."""
    file = keep(world, evidences.evidence())
    yield world
    file.unlink()


def card(world: World, version: int | None = None) -> Card:
    return card_of(NAME, version, records=world.ledger, settings=world.settings)


def test_the_champion_s_card_says_what_it_is_and_how_well_it_does(judged: World) -> None:
    found = card(judged)

    champion = judged.ledger.promotions.champion(NAME)
    assert champion is not None
    assert (found.version, found.state, found.owner) == (2, "champion", "weather-team")
    assert found.target == "species"
    assert set(found.inputs) == {"sepal_length", "sepal_width", "petal_length", "petal_width"}
    assert found.figures[0].decides
    assert found.comparisons[0].startswith("against champion v3: +0.030 on roc_auc (95 % interval")
    assert [(g.slice, g.value, g.rows) for g in found.groups] == [
        ("season", "summer", 90), ("season", "winter", 12),
    ]  # fmt: skip
    assert found.worth == ()
    assert found.checks[0].reason == "0.97 is above 0.9"
    assert found.lineage["model sha256"] == champion.sha256
    assert found.lineage["code commit"] == "c0ffee"
    assert Card.from_json(found.to_json()) == found


def test_the_unit_is_that_of_the_figure_which_decides(world: World) -> None:
    worth = {"saved": 16.5, "share_offered": 0.394}
    told = evidences.evidence(models=evidences.challenger(business=worth))
    told = replace(told, subject=replace(told.subject, unit="USD per customer"))
    file = keep(world, told)

    found = card(world)

    file.unlink()
    assert found.worth == ("saved: 16.500 USD per customer", "share_offered: 0.394")


def test_it_names_what_rests_on_little_and_what_nobody_has_judged(judged: World) -> None:
    limits = " ".join(card(judged).limits)

    assert "nobody has judged it on other labels" in limits
    assert "Too few judged rows to tell: season winter (12 rows)." in limits


def test_a_figure_beyond_its_limit_is_told(judged: World) -> None:
    row = judged.ledger.promotions.of(NAME)[0]
    known = dossier.read(judged.ledger.dossiers, NAME, row.version)
    metric = known.proof.metric
    floors = {metric: known.proof.figures[metric] + 0.01}

    found = [*_figures(replace(known, proof=replace(known.proof, floors=floors)))]
    told = " ".join(_limits(replace(known, proof=replace(known.proof, floors=floors)), None, None))

    assert [one.metric for one in found if one.is_beyond] == [metric]
    assert found[0].limit.startswith("at least ")
    assert f"It is beyond what is asked for on {metric} (at least " in told
    assert "It is beyond" not in " ".join(card(judged).limits)


def test_without_its_evidence_it_says_so(world: World) -> None:
    found = card(world)

    assert found.owner == ""
    assert "The evidence of its gate is not kept any more" in found.limits[1]
    assert found.groups == ()


def test_evidence_that_was_changed_since_is_none(judged: World) -> None:
    file = judged.settings.home / "reports" / "evidence.json"
    file.write_text(file.read_text().replace("weather-team", "nobody"))

    found = card(judged)

    assert found.owner == ""
    assert "The evidence of its gate is not kept any more" in found.limits[1]


def test_it_tells_what_became_of_a_version(world: World) -> None:
    promotion.rollback(
        NAME, to=1, reason="complaints", actor="ada", ledger=world.ledger, settings=world.settings
    )

    first, second = card(world, 1), card(world, 2)

    promotion.reconcile(NAME, world.ledger, world.settings)
    assert (first.state, second.state) == ("champion", "earlier champion")
    assert first.pinned.startswith("pinned by ada on 20")
    assert first.pinned.endswith(": complaints")
    assert [event.what for event in first.history] == [
        "became champion again by a rollback", "was followed by version 2",
        "became champion (change)",
    ]  # fmt: skip
    assert second.history[0].what == "was followed by version 1"
    assert "complaints" in second.history[0].reason


def test_the_page_holds_no_script_and_repeats_the_card(judged: World) -> None:
    found = replace(card(judged), doc="<img src=x onerror=alert(1)>", learned=Span(rows=7))

    told = Tags(page(found))

    assert not {"script", "img", "link", "iframe"} & told.seen
    assert "<img src=x onerror=alert(1)>" in told.text
    assert "7 rows" in told.text
    assert "iris_for_invariants, version 2" in told.text
    assert page(found) == page(found)


def test_a_version_that_is_not_there_is_told(world: World) -> None:
    with pytest.raises(DossierMissing):
        card(world, 99)
    with pytest.raises(DossierMissing, match="has no champion; name a version"):
        card_of("nobody", None, records=records_of(world.settings), settings=world.settings)

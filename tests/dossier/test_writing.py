from dataclasses import replace

import pyarrow as pa
import pytest

from database import records_of
from evergreen.dossier import Dossier, find, read, writing
from evergreen.errors import DossierMissing, ModelRefused
from evergreen.learning import features, models, tracking
from evergreen.learning.models import Golden
from evergreen.refs import CandidateRef, FeaturesRef, Verdict
from evergreen.settings import Settings
from evergreen.spec import UseCase
from learning import IRIS, WEATHER, built, iris_rows, served, weather_rows
from verdicts import NOBODY, verdict_on

ROWS = {"iris": iris_rows, "weather": weather_rows}


def judged(use_case: UseCase, settings: Settings) -> Verdict:
    rows: FeaturesRef = built(use_case, ROWS[use_case.name](), settings)
    trained: CandidateRef = served(use_case, rows, "logistic", settings)
    return verdict_on(use_case, trained, features=rows)


def write(use_case: UseCase, verdict: Verdict, settings: Settings) -> Dossier:
    records_of(settings).migrate()
    kept = records_of(settings).dossiers
    return writing.write(use_case, verdict, NOBODY, 1, kept=kept, settings=settings)


def test_holds_what_the_declaration_the_model_and_its_rows_say(settings: Settings) -> None:
    verdict = judged(WEATHER, settings)

    found = write(WEATHER, verdict, settings)

    challenger, inputs = verdict.evaluation.challenger, found.inputs
    assert find(records_of(settings).dossiers, "weather", 1) == found
    assert (found.model.sha256, found.recipe) == (challenger.sha256, "logistic")
    assert inputs.names == WEATHER.features.raw
    assert [column.type for column in inputs.columns if column.is_time] == ["timestamp[us]"]
    assert (inputs.timestamp, inputs.lookback) == ("date", WEATHER.features.lookback)
    assert inputs.looks_back
    assert inputs.code_sha256 == features.code(WEATHER).digest
    assert (found.answers.classes, found.answers.positive) == ((0, 1), 1)
    assert found.proof.floors == dict(WEATHER.gate.floors)
    assert found.learned == verdict.evaluation.features
    model = tracking.fetch_model(settings, found.model.uri, found.model.sha256)
    assert models.reproduces(model, Golden.from_json(found.golden)) == 0


def test_the_first_dossier_of_a_version_stays(settings: Settings) -> None:
    verdict = judged(IRIS, settings)
    first = write(IRIS, verdict, settings)

    again = write(replace(IRIS, doc="Edited since."), verdict, settings)

    assert again == first
    assert first.answers.classes == ("setosa", "versicolor", "virginica")
    assert first.answers.positive is None


def test_nothing_is_written_of_a_model_that_is_not_what_was_gated(settings: Settings) -> None:
    verdict = judged(IRIS, settings)
    forged = replace(verdict.evaluation.challenger, sha256="0" * 64)
    other = replace(verdict, evaluation=replace(verdict.evaluation, challenger=forged))

    with pytest.raises(ModelRefused):
        write(IRIS, other, settings)

    with pytest.raises(DossierMissing, match="version 1 of iris has no dossier"):
        read(records_of(settings).dossiers, "iris", 1)


def test_knows_the_classes_that_its_rows_have_and_the_model_has_not_learned(
    settings: Settings,
) -> None:
    verdict = judged(IRIS, settings)
    challenger, learned = verdict.evaluation.challenger, verdict.evaluation.features
    model = tracking.fetch_model(settings, challenger.model_uri, challenger.sha256)
    golden = tracking.fetch_golden(settings, challenger.run_id)
    rows = writing.raw_rows(IRIS, learned, model[0], settings)
    place = rows.schema.get_field_index("species")
    others = rows.slice(0, 2).set_column(place, "species", pa.array(["sibirica", None]))
    rows = pa.concat_tables([rows, others.cast(rows.schema)])

    found = writing.describe(IRIS, verdict, NOBODY, 1, model, golden, rows)

    assert found.answers.classes == ("setosa", "versicolor", "virginica")
    assert found.answers.never == ("sibirica",)
    assert found.answers.known == ("setosa", "sibirica", "versicolor", "virginica")

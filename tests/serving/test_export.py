import joblib
import numpy as np
import onnxruntime
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from database import records_of
from evergreen.errors import DeclarationError, EvergreenError
from evergreen.learning import models
from evergreen.serving import export as exporting
from evergreen.serving.export import Exported, export
from serving.conftest import ROWS, Shop, trained


def exported(shop: Shop, name: str, candidate: str, format: str = "onnx") -> Exported:
    ref = shop.promote(shop.put(name, candidate), 1)
    folder = shop.settings.home / "models" / ref.sha256
    folder.mkdir(parents=True)
    shop.fetch(ref, folder)
    return export(
        shop.catalog.find(name), format, shop.settings.home / "out",
        records=records_of(shop.settings), settings=shop.settings,
    )  # fmt: skip


@pytest.mark.parametrize(("name", "candidate"), [("iris", "logistic"), ("weather", "logistic")])
def test_an_onnx_file_answers_as_the_champion(shop: Shop, name: str, candidate: str) -> None:
    done = exported(shop, name, candidate)

    session = onnxruntime.InferenceSession(done.file)
    model = trained(name, candidate)
    rows = model.named_steps["features"].transform(ROWS[name]()).tail(20)
    feed = {
        i.name: rows[[i.name]].to_numpy(dtype=object if "string" in i.type else np.float32)
        for i in session.get_inputs()
    }
    wanted = models.predict(model, ROWS[name]()).probabilities[-20:]
    assert session.run(None, feed)[1] == pytest.approx(wanted, abs=1e-5)
    assert done.difference < 1e-5


def test_skops_is_the_gated_file_and_joblib_a_pickle_of_it(shop: Shop) -> None:
    done = exported(shop, "iris", "logistic", "skops")
    raw = ROWS["iris"]()

    same = models.load(shop.settings.home / "out", done.model_sha256)
    other = export(
        shop.catalog.find("iris"), "joblib", shop.settings.home / "j",
        records=records_of(shop.settings), settings=shop.settings,
    )  # fmt: skip

    wanted = models.predict(same, raw).probabilities
    assert models.predict(joblib.load(other.file), raw).probabilities == pytest.approx(wanted)


def test_what_would_answer_differently_is_not_written(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "TOLERANCE", 0.0)

    with pytest.raises(EvergreenError, match="answers differently, by up to"):
        exported(shop, "iris", "logistic")

    assert not (shop.settings.home / "out").exists()


def test_an_answer_that_is_no_number_is_another(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "_disagreement", lambda *_: np.nan)

    with pytest.raises(EvergreenError, match="answers differently"):
        exported(shop, "iris", "logistic")


def test_what_decides_by_a_threshold_of_its_own_has_no_onnx_form() -> None:
    rows, (*before, _) = ROWS["weather"](), clone(trained("weather", "logistic")).steps
    held = models.wrapped(LogisticRegression(), threshold=0.2, positive=True)
    model = Pipeline([*before, ("estimator", held)]).fit(rows, rows["rain_tomorrow"])

    with pytest.raises(NotImplementedError, match="it decides from"):
        exporting.to_onnx(model)


def test_what_cannot_be_exported_is_told(shop: Shop) -> None:
    iris, to = shop.catalog.find("iris"), shop.settings.home / "out"

    with pytest.raises(EvergreenError, match="iris has no champion to export"):
        export(
            iris,
            "onnx",
            to,
            records=records_of(shop.settings),
            settings=shop.settings,
        )
    with pytest.raises(DeclarationError, match="allowed: onnx, skops, joblib"):
        export(iris, "h5", to, records=records_of(shop.settings), settings=shop.settings)
    assert records_of(shop.settings).promotions.champion("iris") is None

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from evergreen.learning import metrics
from evergreen.learning.models import Output
from evergreen.spec import METRICS, Kind

NAMES = np.array(["a", "b", "c"])


def binary(n: int = 400, seed: int = 0) -> tuple[np.ndarray, Output]:
    rng = np.random.default_rng(seed)
    chance = rng.random(n).round(2)  # rounded, so that there are ties
    truth = (rng.random(n) < chance).astype(int)
    probabilities = np.column_stack([1 - chance, chance])
    return truth, Output(probabilities.argmax(axis=1), probabilities, np.array([0, 1]))


def multiclass(n: int = 400, seed: int = 0) -> tuple[np.ndarray, Output]:
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet([1, 1, 1], n)
    truth = np.array([rng.choice(NAMES, p=row) for row in probabilities])
    return truth, Output(NAMES[probabilities.argmax(axis=1)], probabilities, NAMES)


def test_agrees_with_scikit_learn_on_two_classes() -> None:
    truth, output = binary()

    found = metrics.score(Kind.BINARY, truth, output)

    assert found == pytest.approx(
        {
            "accuracy": sk.accuracy_score(truth, output.labels),
            "precision": sk.precision_score(truth, output.labels),
            "recall": sk.recall_score(truth, output.labels),
            "f1": sk.f1_score(truth, output.labels),
            "roc_auc": sk.roc_auc_score(truth, output.positive),
            "log_loss": sk.log_loss(truth, output.probabilities),
            "balanced_accuracy": sk.balanced_accuracy_score(truth, output.labels),
            "average_precision": sk.average_precision_score(truth, output.positive),
            "brier": sk.brier_score_loss(truth, output.positive),
        }
    )


def test_agrees_with_scikit_learn_on_three_classes() -> None:
    truth, output = multiclass()

    found = metrics.score(Kind.MULTICLASS, truth, output)

    assert found == pytest.approx(
        {
            "accuracy": sk.accuracy_score(truth, output.labels),
            "precision": sk.precision_score(truth, output.labels, average="macro"),
            "recall": sk.recall_score(truth, output.labels, average="macro"),
            "f1": sk.f1_score(truth, output.labels, average="macro"),
            "roc_auc": sk.roc_auc_score(truth, output.probabilities, multi_class="ovr"),
            "log_loss": sk.log_loss(truth, output.probabilities),
            "balanced_accuracy": sk.balanced_accuracy_score(truth, output.labels),
        }
    )


@pytest.mark.parametrize("percent", [5, 50, 90])
def test_agrees_with_scikit_learn_on_quantiles(percent: int) -> None:
    truth, labels = np.random.default_rng(0).normal(size=(2, 100))
    name = f"pinball_{percent:02d}"

    found = metrics.score(Kind.REGRESSION, truth, Output(labels), [name])

    assert found[name] == pytest.approx(sk.mean_pinball_loss(truth, labels, alpha=percent / 100))
    assert name not in metrics.score(Kind.REGRESSION, truth, Output(labels))


numbers = st.floats(-1e6, 1e6, allow_subnormal=False)


@given(st.lists(st.tuples(numbers, numbers), min_size=2, max_size=30))
def test_agrees_with_scikit_learn_on_numbers(pairs: list[tuple[float, float]]) -> None:
    truth, labels = np.array(pairs).T

    found = metrics.score(Kind.REGRESSION, truth, Output(labels))

    assert found["mae"] == pytest.approx(sk.mean_absolute_error(truth, labels))
    assert found["mse"] == pytest.approx(sk.mean_squared_error(truth, labels))
    assert found["rmse"] == pytest.approx(sk.root_mean_squared_error(truth, labels))
    assert found["mape"] == pytest.approx(sk.mean_absolute_percentage_error(truth, labels))
    if "r2" in found:
        assert found["r2"] == pytest.approx(sk.r2_score(truth, labels), rel=1e-6)


chances = st.lists(
    st.tuples(st.booleans(), st.integers(0, 10).map(lambda tenths: tenths / 10)), max_size=40
)


@given(chances)
def test_agrees_with_scikit_learn_on_any_two_class_rows(rows: list[tuple[bool, float]]) -> None:
    truth = np.array([int(hit) for hit, _ in rows], dtype=int)
    chance = np.array([p for _, p in rows], dtype=float)
    probabilities = np.column_stack([1 - chance, chance])
    output = Output(probabilities.argmax(axis=1), probabilities, np.array([0, 1]))

    found = metrics.score(Kind.BINARY, truth, output)

    assert ("roc_auc" in found) == (len(set(truth)) == 2)
    if "roc_auc" in found:
        assert found["roc_auc"] == pytest.approx(sk.roc_auc_score(truth, chance))
    if rows:
        expected = sk.f1_score(truth, output.labels, zero_division=0)
        assert found["f1"] == pytest.approx(expected)


@pytest.mark.parametrize("kind", list(Kind))
def test_knows_every_metric_that_a_gate_may_name(kind: Kind) -> None:
    assert set(metrics.SCORERS[kind]) == set(METRICS[kind])


def test_leaves_out_what_is_not_defined() -> None:
    truth, output = binary()
    same = np.flatnonzero(truth == 1)

    one_class = metrics.score(Kind.BINARY, truth[same], output.take(same))
    no_rows = metrics.score(Kind.BINARY, truth[:0], output.take(same[:0]))
    no_chances = metrics.score(Kind.BINARY, truth, Output(output.labels, None, output.classes))

    assert "roc_auc" not in one_class
    assert no_rows == {}
    assert set(no_chances) == {"accuracy", "balanced_accuracy", "precision", "recall", "f1"}
    assert "balanced_accuracy" not in one_class


def test_counts_a_class_that_the_model_never_saw_as_a_miss() -> None:
    truth, output = multiclass()
    truth = np.where(np.arange(len(truth)) < 10, "z", truth)

    found = metrics.score(Kind.MULTICLASS, truth, output, ["accuracy", "log_loss"])

    assert found["accuracy"] < metrics.accuracy(truth[10:], output.take(np.arange(10, 400)))
    assert np.isfinite(found["log_loss"])


def test_refuses_truth_of_another_length() -> None:
    truth, output = binary()

    with pytest.raises(ValueError, match="399 true labels for 400 predictions"):
        metrics.score(Kind.BINARY, truth[1:], output)


def test_calibration_error_is_small_when_chances_come_true_and_large_when_they_do_not() -> None:
    truth, honest = binary(20_000)
    sure = Output(honest.labels, honest.probabilities.round(), honest.classes)

    assert metrics.calibration_error(truth, honest) < 0.02
    assert metrics.calibration_error(truth, sure) > 0.2


def test_calibration_error_of_many_classes_is_of_the_top_label() -> None:
    truth, honest = multiclass(20_000)
    wrong = np.roll(truth, 1)

    assert metrics.calibration_error(truth, honest) < 0.02
    assert metrics.calibration_error(wrong, honest) > 0.15


def test_calibration_error_by_hand() -> None:
    chance = np.array([0.1, 0.1, 0.9, 0.9])
    output = Output(np.round(chance), np.column_stack([1 - chance, chance]), np.array([0, 1]))

    error = metrics.calibration_error(np.array([0, 1, 1, 1]), output, bins=2)

    assert error == pytest.approx((abs(0.5 - 0.1) + abs(1 - 0.9)) / 2)


def test_calibration_error_is_unknown_without_probabilities() -> None:
    assert np.isnan(metrics.calibration_error(np.array([1.0]), Output(np.array([1.0]))))


def test_a_group_has_no_rate_where_there_is_nothing_to_be_a_share_of() -> None:
    output = Output(np.array([0, 0, 0]), np.full((3, 2), 0.5), np.array([0, 1]))

    none_positive = metrics.score_slice(Kind.BINARY, np.array([0, 0, 0]), output)
    none_called = metrics.score_slice(Kind.BINARY, np.array([0, 1, 0]), output)

    assert not {"recall", "f1"} & none_positive.keys()
    assert "precision" not in none_called
    assert none_called["f1"] == none_called["recall"] == none_called["selection_rate"] == 0


@pytest.mark.parametrize("rows", [30, 40])
def test_r2_of_a_truth_that_does_not_vary_is_not_defined(rows: int) -> None:
    truth = np.full(rows, 0.1)  # whose mean is 0.1 only nearly

    assert metrics.r2(truth, Output(truth + 0.01)) is None
    assert metrics.r2(truth + np.arange(rows) * 1e-9, Output(truth)) is not None

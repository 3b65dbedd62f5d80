import sys
from functools import partial
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest

from evergreen.errors import DeclarationError
from evergreen.learning import source_code
from evergreen.spec import Source
from learning import WEATHER

MODULE = '''"""A use case."""

from __future__ import annotations

import math
from json import dumps

LIMITS = {"low": 1}
LIMITS["high"] = 2
OTHER = 3


def helper(x: int) -> int:
    return x + LIMITS["high"]


@staticmethod
def unrelated() -> int:
    return OTHER


def features(x: int) -> float:
    return math.sqrt(helper(x))
'''


def test_keeps_what_the_function_needs_and_nothing_else() -> None:
    source = source_code.needed(MODULE, "features")

    assert "from __future__ import annotations" in source
    assert source_code.load(source, "features")(7) == 3
    for left_out in ("dumps", "OTHER", "unrelated"):
        assert left_out not in source


def test_other_thresholds_leave_the_code_of_the_features_as_it_is() -> None:
    path = Path(WEATHER.features.function.__code__.co_filename)

    source = source_code.needed(path.read_text(), "features")

    assert source == source_code.needed(path.read_text().replace("0.64", "0.7"), "features")
    assert "USE_CASE" not in source


def test_a_decorator_stays_with_its_function() -> None:
    source = "import functools\n\n\n@functools.cache\ndef features(x):\n    return x\n"

    assert source_code.needed(source, "features").startswith("import functools\n\n@functools.cache")


def test_the_same_source_is_executed_once() -> None:
    source = source_code.needed(MODULE, "features")

    assert source_code.load(source, "helper") is source_code.load(source, "helper")


def test_refuses_a_function_that_is_not_at_the_top_of_a_file() -> None:
    with pytest.raises(DeclarationError, match=r"features\.function.*top of a module file"):
        source_code.of(lambda raw: raw)
    with pytest.raises(DeclarationError, match=r"__post_init__"):
        source_code.of(Source.__post_init__)


def declared(file: Path, text: str) -> dict[str, Any]:
    file.write_text(text)
    names: dict[str, Any] = {"__package__": "use_cases"}
    exec(compile(text, str(file), "exec"), names)  # noqa: S102
    return names


@pytest.mark.parametrize(
    ("imported", "used"),
    [
        ("from use_cases import weather", "weather.features"),
        ("from use_cases.weather import features as f", "f"),
        ("import use_cases.weather as w", "w.features"),
        ("import use_cases.weather", "use_cases.weather.features"),
        ("from .helpers import scale", "scale"),
        ("from helper_elsewhere import scale", "scale"),
        ("import sklearn.preprocessing", "sklearn.preprocessing.scale"),
        ("from holidays import country_holidays", "country_holidays"),
    ],
)
@pytest.mark.parametrize("inside", [True, False])
def test_refuses_code_that_imports_what_no_digest_holds(
    tmp_path: Path, imported: str, used: str, inside: bool
) -> None:
    above = f"try:\n    {imported}\nexcept ImportError:\n    pass\n\n" if not inside else ""
    within = f"    {imported}\n" if inside else ""
    body = f"{above}def features(x):\n{within}    return {used}(x)\n"
    names = declared(tmp_path / "mine.py", body)

    with pytest.raises(
        DeclarationError, match=f"features.. is '{imported}'; allowed: .* copy into"
    ):
        source_code.of(names["features"])


def test_the_standard_library_may_be_used_and_what_only_types_need(tmp_path: Path) -> None:
    body = (
        "from typing import TYPE_CHECKING\nfrom math import sqrt\nimport numpy as np\n"
        "if TYPE_CHECKING:\n    import pandas as pd\n    from sklearn.base import BaseEstimator\n\n"
        "def features(x: 'BaseEstimator') -> 'pd.DataFrame':\n"
        "    import pandas as pd\n    return pd.Series(np.array([sqrt(x)]))\n"
    )
    names = declared(tmp_path / "mine.py", body)

    source = source_code.of(names["features"])

    assert source_code.load(source, "features")(9).tolist() == [3.0]


def test_what_a_call_makes_of_a_name_goes_with_it(tmp_path: Path) -> None:
    names = declared(
        tmp_path / "mine.py",
        "DAYS = set()\nDAYS.update(['2024-12-25'])\nLEVELS = {}\nOTHER = []\nOTHER.append(1)\n"
        "for name in ('a', 'b'):\n    LEVELS.setdefault(name, len(LEVELS))\n\n"
        "def features(x):\n    return [one in DAYS for one in x], [LEVELS.get(one) for one in x]\n",
    )
    source = source_code.of(names["features"])

    said = source_code.load(source, "features")(["2024-12-25", "b"])

    assert said == names["features"](["2024-12-25", "b"]) == ([True, False], [None, 1])
    assert "OTHER" not in source


def test_the_closure_holds_what_is_imported_from_beside_it(tmp_path: Path) -> None:
    (tmp_path / "helpers.py").write_text("FACTOR = 2\n\ndef scale(x):\n    return x * FACTOR\n")
    file = tmp_path / "mine.py"
    file.write_text("")
    body = "def worth(x):\n    from .helpers import scale\n    return scale(x)\n"
    worth = declared(file, body)["worth"]
    before = source_code.closure(worth)

    (tmp_path / "helpers.py").write_text("FACTOR = 5\n\ndef scale(x):\n    return x * FACTOR\n")

    assert source_code.closure(worth) != before


WORTH = """
from {beside} import RATE

OFFER = 50.0  # USD
OTHER = 1


def worth(raw, truth, said):
    return {{"value": RATE - cost(said)}}


def cost(said):
    return OFFER * said
"""


@pytest.fixture
def worth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FunctionType:
    """A function that reads a constant, a helper and a module beside its own."""
    beside = f"rates_{tmp_path.name.replace('-', '_')}"
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / f"{beside}.py").write_text("RATE = 3\n")
    file = tmp_path / "mine.py"
    file.write_text(WORTH.format(beside=beside))
    names: dict[str, FunctionType] = {}
    exec(compile(file.read_text(), str(file), "exec"), names)  # noqa: S102
    yield names["worth"]
    sys.modules.pop(beside, None)


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [("mine", "50.0", "20.0"), ("mine", "OFFER * said", "said"), ("rates", "RATE = 3", "RATE = 4")],
)
def test_the_closure_holds_constants_helpers_and_modules_beside(
    worth: FunctionType, tmp_path: Path, file: str, before: str, after: str
) -> None:
    old = source_code.closure(worth)

    [path] = tmp_path.glob(f"{file}*.py")
    path.write_text(path.read_text().replace(before, after))

    assert source_code.closure(worth) != old


def test_what_a_function_does_not_read_leaves_its_closure_as_it_is(
    worth: FunctionType, tmp_path: Path
) -> None:
    old = source_code.closure(worth)

    file = tmp_path / "mine.py"
    file.write_text(file.read_text().replace("# USD", "# EUR").replace("OTHER = 1", "OTHER = 2"))

    assert source_code.closure(worth) == old
    assert "numpy" not in old


def test_the_closure_neither_follows_nor_imports_what_is_installed(tmp_path: Path) -> None:
    file = tmp_path / "far.py"
    file.write_text(
        "def far():\n"
        "    from wsgiref.simple_server import WSGIServer\n"
        "    from evergreen.errors import DeclarationError\n"
    )
    names: dict[str, FunctionType] = {}
    exec(compile(file.read_text(), str(file), "exec"), names)  # noqa: S102
    loaded = [name for name in sys.modules if name.startswith("wsgiref")]
    for name in loaded:
        del sys.modules[name]

    found = source_code.closure(names["far"])

    assert "class DeclarationError" not in found
    assert not [name for name in sys.modules if name.startswith("wsgiref")]


def test_the_closure_of_what_has_no_text_of_its_own_names_it(worth: FunctionType) -> None:
    assert source_code.closure(dict) == "builtins.dict"
    assert source_code.closure(partial(worth, 1)) != source_code.closure(partial(worth, 2))
    assert "OTHER" not in source_code.closure(worth)
    assert "lambda" in source_code.closure(lambda raw: raw)

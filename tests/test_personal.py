"""What columns that are declared personal hold is told nowhere."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from database import query, records_of
from evergreen import ingest
from evergreen.choosing import personal
from evergreen.data import extraction
from evergreen.errors import DataRefused, DeclarationError
from evergreen.learning.training import unwalked
from evergreen.personal import masked, struck
from evergreen.settings import Settings
from evergreen.spec import Files, Slice, UseCase
from ingest.conftest import orders
from learning import WEATHER

NOW = datetime(2026, 3, 1, tzinfo=UTC)
BOB = "bob@example.org"


def test_a_value_is_masked_and_one_that_is_missing_is_told() -> None:
    assert masked({"email": BOB, "phone": None, "age": 4}, ("email", "phone", "other")) == {
        "email": "(personal)", "phone": None, "age": 4,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"could not convert string to float: '{BOB}'", "could not convert string to float: ()"),
        (f'invalid input for type integer: "{BOB}"', "invalid input for type integer: ()"),
        ("""row 7: name is "O'Neil", which""", "row 7: name is (), which"),
        (r"""'it\'s "me"' and more""", "() and more"),
        ("nothing is quoted", "nothing is quoted"),
        (f"can't read '{BOB}', or '{BOB}'", "can't read (), or ()"),
        (f"o'neil.csv: driver's_name is '{BOB}', which", "o'neil.csv: driver's_name is (), which"),
        ("their drivers' name is 'O'Neil'", "their drivers' name is ()"),
        (f"can't read b'{BOB}'", "can't read b()"),
        (f"never closed, before '{BOB}\nand more", "never closed, before ()\nand more"),
        (r'invalid input for type integer: "C:\Bob\"', "invalid input for type integer: ()"),
    ],
)  # fmt: skip
def test_what_a_message_quotes_is_struck_out(text: str, told: str) -> None:
    assert struck(text) == told.replace("()", "(personal)")


def test_a_failed_training_quotes_no_value() -> None:
    error = ValueError(f"could not convert string to float: '{BOB}'")

    assert BOB in unwalked("linear", error).problem
    assert unwalked("linear", error, ("email",)).problem == (
        "ValueError: could not convert string to float: (personal)"
    )


def test_a_source_whose_values_cannot_be_read_quotes_none(settings: Settings) -> None:
    query(settings.database_url, f"CREATE TABLE people (id int, day date, age text); INSERT INTO"
          f" people VALUES (1, '2026-02-01', '{BOB}')")  # fmt: skip
    source = replace(
        WEATHER.source, table=None, query="SELECT id, day, age::int FROM people", key=("id",),
        timestamp="day", target="age", target_sql=None, personal=(), max_age=None,
    )  # fmt: skip

    def refused(use_case: UseCase) -> DataRefused:
        with pytest.raises(DataRefused) as caught:
            extraction.extract(use_case, as_of=NOW, asked_at=NOW, settings=settings)
        return caught.value

    told = refused(replace(WEATHER, source=source))
    hidden = refused(replace(WEATHER, source=replace(source, personal=("id",))))

    assert BOB in str(told)
    assert BOB not in str(hidden)
    assert "invalid input syntax for type integer: (personal)" in str(hidden)
    assert hidden.__cause__ is None
    assert hidden.__suppress_context__


CSV = "id,day,price,returned\n{},2026-02-01,{},true\n"


@pytest.mark.parametrize(
    "content",
    [
        CSV.format(1, BOB),
        CSV.format(1, 9) + f"2,2026-02-01,9,{BOB},5\n",
        CSV.format(1, 9) + f'2,2026-02-01,9,"{BOB}\n',
    ],
    ids=["no number", "too many fields", "an open quote"],
)
def test_a_refused_delivery_quotes_no_value(
    content: str, tmp_path: Path, settings: Settings
) -> None:
    file = tmp_path / "a.csv"
    file.write_text(CSV.format(1, 9.5))
    use_case = orders(Files(url=str(tmp_path / "*.csv")))
    ingest_all(use_case, settings)
    (tmp_path / "b.csv").write_text(content)
    private = replace(use_case, source=replace(use_case.source, personal=("price",)))

    with pytest.raises(DataRefused) as told:
        ingest_all(use_case, settings)
    with pytest.raises(DataRefused) as hidden:
        ingest_all(private, settings)

    assert BOB in str(told.value)
    assert BOB not in str(hidden.value)
    assert "b.csv" in str(hidden.value)


def ingest_all(use_case: UseCase, settings: Settings) -> None:
    list(ingest.land(use_case, as_of=NOW, records=records_of(settings), settings=settings))


def test_a_key_that_repeats_is_told_without_the_key(tmp_path: Path, settings: Settings) -> None:
    row = "1234567,2026-02-01,9.5,true\n"
    (tmp_path / "a.csv").write_text("id,day,price,returned\n" + row + row)
    use_case = orders(Files(url=str(tmp_path / "*.csv")))
    private = replace(use_case, source=replace(use_case.source, personal=("id",)))

    with pytest.raises(DataRefused, match=r"the key id repeats: \(personal\) in 2 rows") as hidden:
        ingest_all(private, settings)

    assert "1234567" not in str(hidden.value)


@pytest.mark.parametrize("name", ["rain_tomorrow", "date"])
def test_what_reports_tell_cannot_be_personal(name: str) -> None:
    with pytest.raises(
        DeclarationError, match=r"source\.personal is .*; allowed: columns other than"
    ):
        replace(WEATHER.source, personal=(name,))


def test_one_name_is_no_tuple_of_names() -> None:
    with pytest.raises(DeclarationError, match=r"source\.personal is 'email'; allowed: a tuple"):
        replace(WEATHER.source, personal="email")


def test_a_slice_by_a_personal_column_is_refused() -> None:
    source = replace(WEATHER.source, personal=("wind",))

    with pytest.raises(DeclarationError, match=r"slices is 'wind'; allowed: .*not personal"):
        replace(WEATHER, source=source, slices=(Slice(name="by wind", by="wind"),))


def test_columns_are_personal_by_their_names() -> None:
    names = ["email", "home_phone", "last_name", "age", "filename", "city", "shipping", "name"]

    assert personal(names, ()) == ("email", "home_phone", "last_name", "name")
    assert personal(names, ("name", None)) == ("email", "home_phone", "last_name")

"""Fits, pins and dossiers."""

import psycopg2
import pytest

from evergreen.records import DossierRow, Fit, Pin, Records
from records.test_contract import a_promotion

FIT = Fit(
    use_case="weather", recipe="r1", rows_digest="d1", place="fits/r1/d1", sha256="a" * 64,
    seconds=1.5,
)  # fmt: skip
PIN = Pin(use_case="weather", version=3, reason="it says sun", actor="ada")


def test_the_first_fit_of_a_recipe_on_rows_stays(records: Records):
    first = records.fits.put(FIT)

    again = records.fits.put(Fit(**vars(FIT) | {"place": "elsewhere"}))

    assert again == first == records.fits.get("r1", "d1")
    assert records.fits.get("r1", "d2") is None
    assert records.fits.list("weather") == (first,)


def test_a_pin_holds_until_somebody_lifts_it(records: Records):
    pin = records.pins.put(PIN)

    assert records.pins.get("weather") == pin == records.pins.put(PIN)
    lifted = records.pins.lift("weather", "bob")
    assert lifted is not None
    assert (lifted.lifted_by, records.pins.get("weather")) == ("bob", None)
    assert records.pins.lift("weather", "bob") is None


def test_a_new_pin_lifts_the_one_before(records: Records):
    records.pins.put(PIN)

    records.pins.put(Pin(**vars(PIN) | {"version": 2, "actor": "bob"}))

    assert [(p.version, p.lifted_by) for p in records.pins.list("weather")] == [
        (2, None),
        (3, "bob"),
    ]


def test_the_dossier_of_a_promotion_is_written_once(records: Records):
    promotion = records.promotions.append(a_promotion(records, 1, None))
    dossier = DossierRow(
        promotion_id=promotion.id, use_case="weather", version=1, document={"a": [1]}
    )

    first = records.dossiers.put(dossier)
    again = records.dossiers.put(DossierRow(**vars(dossier) | {"document": {}}))

    assert first == again == records.dossiers.get(promotion.id)
    assert first.document == {"a": [1]}
    assert records.dossiers.list("weather") == (first,)


def test_a_dossier_belongs_to_a_promotion_of_its_use_case(records: Records):
    promotion = records.promotions.append(a_promotion(records, 1, None))

    with pytest.raises(psycopg2.errors.ForeignKeyViolation):
        records.dossiers.put(
            DossierRow(promotion_id=promotion.id, use_case="iris", version=1, document={})
        )

"""Pins and dossiers."""

from evergreen.records import Pin, Records

PIN = Pin(use_case="weather", version=3, reason="it says sun", actor="ada")


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


def test_the_dossier_of_a_version_is_written_once(records: Records):
    first = records.dossiers.put("weather", 1, {"a": [1]})
    again = records.dossiers.put("weather", 1, {})

    assert first == again == records.dossiers.get("weather", 1) == {"a": [1]}
    assert records.dossiers.get("weather", 2) is None


def test_which_versions_have_a_dossier_is_asked_at_once(records: Records):
    for version in (1, 3):
        records.dossiers.put("weather", version, {})
    records.dossiers.put("iris", 2, {})

    assert records.dossiers.versions("weather") == {1, 3}
    assert records.dossiers.versions("churn") == frozenset()

"""What the invariants need of each decision on a model, without its evidence."""

from dataclasses import replace

from evergreen.records import Records
from records.test_contract import a_decision

EVIDENCE = {
    "checks": [
        {"name": "floors", "status": "passed"},
        {"name": "latency", "status": "unknown"},
    ],
    "evaluation": {
        "report_id": "r-7",
        "challenger": {"sha256": "7" * 64},
        "features": {"snapshot": {"rows": 9}, "training": {"rows": 6}, "holdout": {"rows": 3}},
    },
}


def test_a_decision_is_told_in_short(records: Records):
    records.decisions.record(replace(a_decision(), evidence=EVIDENCE))

    [one] = records.decisions.judged(["gate"])

    assert (one.report_id, one.sha256, one.checks, one.rows) == ("r-7", "7" * 64, 2, 3)
    assert one.not_passed == {"latency": "unknown"}


def test_evidence_of_another_shape_hides_no_decision(records: Records):
    records.decisions.record(replace(a_decision("1"), evidence={}))
    records.decisions.record(replace(a_decision("2"), evidence={"evaluation": {"features": None}}))

    found = records.decisions.judged(["gate", "fit"])

    assert [(one.report_id, one.sha256, one.checks, one.rows) for one in found] == [
        ("?", None, 0, 0)
    ] * 2
    assert records.decisions.judged(["fit"]) == ()

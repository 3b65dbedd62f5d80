"""What is known of champions in calm goes with the rows that it was measured on."""

import json
from typing import Any

import pyarrow as pa

from evergreen import storage
from evergreen.forgetting.papers import Papers
from evergreen.forgetting.subject import Subject
from evergreen.settings import Settings

SUBJECT = Subject.asked("club", ("member",), ("member=17",), {"member": pa.int64()})
CALM: dict[str, Any] = {
    "a.json": {"profile": {"snapshot_sha256": "hers"}},
    "a-estimate.json": {"about": {"snapshot": "hers"}, "learned": {}},
    "a-604800s-0s.json": {"about": {"snapshot": "hers"}, "calibration": {}},
    "b-estimate.json": {"about": {}, "learned": {}},  # it does not say on which
    "b.json": {"profile": {"snapshot_sha256": "others"}},
    "b-604800s-0s.json": {"about": {"snapshot": "others"}, "calibration": {}},
}


def test_all_kinds_of_it_go_whose_rows_held_the_subject(settings: Settings) -> None:
    store, papers = storage.of(settings, storage.DRIFT), Papers(SUBJECT, settings)
    for name, document in CALM.items():
        store.publish(f"club/champions/{name}", json.dumps(document).encode())

    told = papers.profiles({"hers"}, apply=False)
    whole = len(store.list("club/champions/*.json"))
    done = papers.profiles({"hers"}, apply=True)

    left = sorted(path.rpartition("/")[2] for path in store.list("club/champions/*.json"))
    assert (told, whole, done) == (4, 6, 4)
    assert left == ["b-604800s-0s.json", "b.json"]

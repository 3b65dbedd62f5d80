"""Stored features answer for a row that is named by all of its key."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evergreen.records.features import Shelved
from evergreen.serving.artifacts import Artifacts
from evergreen.serving.desk import Desk, serve
from evergreen.serving.stored import Shelf
from serving.conftest import Shop
from serving.test_newest import VISITS, put, visits


class Empty:
    """Nothing is stored."""

    def find(self, use_case: str, sha256: str, keys: Sequence[dict[str, Any]]) -> list[Shelved]:
        raise AssertionError((use_case, sha256, keys))


def test_a_part_of_a_key_names_no_row_that_is_stored(shop: Shop) -> None:
    ref = put(shop, VISITS, visits())
    found = shop.dossiers[ref.sha256]
    kept = replace(found, inputs=replace(found.inputs, definition="d" * 64))
    artifacts = Artifacts(shop.settings.home / "models", shop.fetch)
    desk = Desk(serve(kept, ref, artifacts, Path("nowhere")))

    told = Shelf(Empty()).find(desk, [{"customer": 7}], datetime.now(UTC))

    assert told.why == "the key that was given is a part of the rows' own"

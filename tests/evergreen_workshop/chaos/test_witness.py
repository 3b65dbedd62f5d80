"""Who looks on begins only where all is well, as a fault would be blamed for what was not."""

from dataclasses import replace

import pytest

from evergreen import notify
from evergreen.errors import StackError
from evergreen.records import Records
from evergreen.settings import Settings
from evergreen_workshop.chaos.judge import Message
from evergreen_workshop.chaos.witness import Witness
from evergreen_workshop.chaos.world import World
from use_cases.iris import USE_CASE
from webhook import Webhook

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

NOWHERE = ("json://127.0.0.1:9/",)
"""Nobody listens there."""


def looking_on(records: Records, settings: Settings, messages: list[Message] | None) -> Witness:
    return Witness(World(USE_CASE, records, settings, None), messages)  # type: ignore[arg-type]


def fail_untold(records: Records, settings: Settings) -> None:
    deaf = replace(settings, notify_urls=NOWHERE)
    notify.report_failure(records, deaf, "iris", "iris_training/x", "gate", "it fell")


def test_it_begins_where_all_is_well(records: Records, settings: Settings) -> None:
    looking_on(records, settings, None).begin()


def test_what_was_wrong_before_the_first_fault_is_told_and_nothing_is_struck(
    records: Records, settings: Settings
) -> None:
    fail_untold(records, settings)

    with pytest.raises(StackError, match=r"nothing was struck.*12: iris_training/x"):
        looking_on(records, settings, None).begin()


def test_what_waited_for_a_listener_is_told_before_the_first_fault(
    records: Records, settings: Settings, webhook: Webhook
) -> None:
    fail_untold(records, settings)

    looking_on(records, replace(settings, notify_urls=(webhook.url,)), []).begin()

    assert [each["message"].partition("\n")[0] for each in webhook.messages] == ["it fell"]


def test_what_had_begun_before_a_fault_and_ends_after_it_is_not_of_the_fault(
    records: Records, settings: Settings, webhook: Webhook
) -> None:
    told = replace(settings, notify_urls=(webhook.url,))
    notify.report_failure(records, told, "iris", "iris_training/x", "gate", "it fell")
    witness = looking_on(records, told, [])
    before = witness.before()

    notify.recovered(records, told, "iris_training/y")
    begun, over = witness._incidents(before)

    assert begun == []
    assert [one.resolution for one in over] == ["iris_training/y went well."]
    assert witness._incidents(witness.before()) == ([], [])

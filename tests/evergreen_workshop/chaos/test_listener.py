"""What people are told arrives, word for word, where the notifications go."""

from dataclasses import replace

import pytest

from evergreen import notify
from evergreen.records import Records
from evergreen.settings import Settings
from evergreen_workshop.chaos.judge import Message
from evergreen_workshop.chaos.listener import listening
from evergreen_workshop.stack.ports import free_port

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


def test_what_is_told_is_heard(records: Records, settings: Settings) -> None:
    urls = (f"json://127.0.0.1:{free_port()}/",)
    with listening(urls) as messages:
        notify.report_failure(
            records, replace(settings, notify_urls=urls), "iris", "iris_training/x", "gate", "fell"
        )

    body = "fell\nRun: iris_training/x"
    assert messages == [Message(title="Evergreen: iris failed in gate", body=body)]


def test_nobody_listens_where_the_notifications_go_elsewhere() -> None:
    for urls in ((), ("json://example.org/",), ("json://127.0.0.1:1/", "json://127.0.0.1:2/")):
        with listening(urls) as messages:
            assert messages is None

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from database import records_of
from evergreen import notify, secrecy
from evergreen.settings import Settings
from webhook import Webhook

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


def fail(
    settings: Settings,
    run_key: str = "weather_training/1",
    message: str = "boom",
    began: datetime | None = None,
):
    link = "http://localhost/run"
    return notify.report_failure(
        records_of(settings), settings, "weather", run_key, "train", message, link, began
    )


def test_a_failed_run_is_told_with_its_step_reason_and_link(settings: Settings, webhook: Webhook):
    incident = fail(replace(settings, notify_urls=(webhook.url,)))

    assert incident.delivery == "told"
    assert incident.notified_at is not None
    (message,) = webhook.messages
    assert message["title"] == "Evergreen: weather failed in train"
    assert message["message"] == "boom\nRun: weather_training/1\nhttp://localhost/run"


def test_a_failed_run_is_told_once_even_if_its_tasks_fail_together(
    settings: Settings, webhook: Webhook
):
    told = replace(settings, notify_urls=(webhook.url,))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: fail(told), range(4)))
    fail(told, run_key="weather_training/2")

    assert len(webhook.messages) == 2


def test_a_run_that_is_cleared_and_fails_again_is_told_again(settings: Settings, webhook: Webhook):
    told = replace(settings, notify_urls=(webhook.url,))
    fail(told)
    (over,) = notify.recovered(records_of(told), told, "weather_training/2")
    assert over.resolved_at

    again = fail(told, message="again", began=over.resolved_at + timedelta(minutes=1))

    assert again.resolved_at is None
    assert [message["title"] for message in webhook.messages] == [
        "Evergreen: weather failed in train",
        "Evergreen: over: weather failed in train",
        "Evergreen: weather failed in train",
    ]
    assert webhook.messages[2]["message"].startswith("again")
    assert notify.recovered(records_of(told), told, "weather_training/1")
    assert len(webhook.messages) == 4


def test_a_message_that_did_not_get_through_is_told_later(settings: Settings, webhook: Webhook):
    told = replace(settings, notify_urls=(webhook.url,))
    webhook.status = 500

    waiting = fail(told)
    webhook.status = 200
    (sent,) = notify.resend(records_of(told), told)

    assert waiting.notified_at is None
    assert waiting.delivery == "failed: 1 of 1 addresses did not take it (json://)"
    assert sent.delivery == "told"
    assert notify.resend(records_of(told), told) == ()


def test_one_address_that_fails_does_not_silence_the_others(settings: Settings, webhook: Webhook):
    urls = ("json://127.0.0.1:1/", webhook.url, "nonsense://")

    incident = fail(replace(settings, notify_urls=urls))

    problem = "2 of 3 addresses did not take it (json://, nonsense://)"
    assert incident.delivery == f"told; {problem}"
    assert len(webhook.messages) == 1


def test_says_so_when_there_is_nobody_to_tell(settings: Settings):
    incident = fail(settings)

    assert incident.delivery == "nobody to tell: EVERGREEN_NOTIFY_URLS is empty"
    assert incident.notified_at is None
    assert records_of(settings).incidents.newest(waiting=True) == (incident,)


def test_no_password_is_told_or_stored(settings: Settings, webhook: Webhook):
    told = replace(settings, notify_urls=(webhook.url,))
    message = f"cannot reach {settings.database_url} nor s3://key:pw1@bucket/x"

    incident = fail(told, message=message)

    (sent,) = webhook.messages
    for text in (sent["message"], incident.message):
        assert not any(secret in text for secret in secrecy.values(settings))
        assert "evergreen:***@127.0.0.1" in text
        assert "s3://key:***@bucket/x" in text


def test_the_secrets_are_those_of_the_urls_and_of_the_stack(settings: Settings):
    settings.home.joinpath("stack.env").write_text(
        "EVERGREEN_FERNET=fernet-value\nAIRFLOW__API_AUTH__JWT_SECRET=jwt-value\n"
        "AIRFLOW_DB=postgresql://a:airflow-pw@h/d\nEVERGREEN_UI_URL=http://localhost:8080\n"
        "AUTH_PASSWORDS_FILE=/somewhere/passwords.json\n"
    )
    known = replace(
        settings,
        database_url="postgresql://u:p%40ssw0rd@h/d",
        notify_urls=("slack://TokenAAA/TokenBBB/TokenCCC", "mailto://me:mail-pw@example.org"),
        airflow_database_url="postgresql+psycopg2://a:metadata-pw@h/d",
        api_keys=("key-of-a-caller",),
    )

    assert secrecy.values(known) >= {
        "fernet-value", "jwt-value", "airflow-pw", "p%40ssw0rd", "p@ssw0rd",
        "TokenAAA", "TokenBBB", "TokenCCC", "mail-pw",
        "metadata-pw", "key-of-a-caller",
    }  # fmt: skip
    no_secrets = {"http://localhost:8080", "/somewhere/passwords.json"}
    assert not no_secrets & secrecy.values(known)

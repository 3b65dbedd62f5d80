"""What a user sees of Evergreen in the Airflow UI, clicked through in a real browser."""

import re
import time
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import unquote, urlsplit

import pytest
from playwright.sync_api import FrameLocator, Locator, Page, expect

from evergreen.records import Records, decision_id
from evergreen_workshop.stack.airflow import AirflowApi
from own_stack import RunningStack

pytestmark = pytest.mark.end_to_end


def choose(page: Page, name: str) -> FrameLocator:
    """Click an entry of the menu and return what opens."""
    page.get_by_role("link", name=name, exact=True).click()
    return page.frame_locator("iframe").first


def open_card(page: Page, name: str) -> FrameLocator:
    """Choose a use case in the table of Models and return what opens."""
    models = choose(page, "Models")
    models.get_by_role("rowheader").get_by_role("link", name=name, exact=True).click()
    expect(models.get_by_role("heading", name=name, exact=True)).to_be_visible()
    return models


def test_models_lists_each_champion_and_leads_to_what_it_has_proved(page: Page) -> None:
    models = choose(page, "Models")
    for name in ("weather", "iris"):
        version = models.locator(f"#{name}").get_by_role("cell", name=re.compile(r"v\d+$"))
        expect(version).to_be_visible()

    weather = open_card(page, "weather").locator("#weather")

    expect(weather).to_contain_text("Version")
    expect(weather).to_contain_text("has a champion")
    expect(weather.get_by_role("img", name="roc_auc 0.")).to_be_visible()


def test_the_table_shows_those_that_are_asked_for(page: Page) -> None:
    models = choose(page, "Models")
    models.get_by_label("Words").fill("rain tomorrow")
    models.get_by_role("button", name="Show").click()

    expect(models.get_by_role("rowheader")).to_have_count(1)
    models.get_by_role("link", name="Show all").click()

    expect(models.locator("#iris")).to_be_visible()


def test_models_leads_to_the_report_and_back(page: Page) -> None:
    models = open_card(page, "weather")
    models.get_by_role("link", name="Report of the champion").click()

    report = models.frame_locator("iframe")
    expect(report.get_by_role("heading", name="weather").first).to_be_visible()
    expect(report.locator("body")).to_contain_text("checks passed")
    models.get_by_role("link", name="← Reports").click()

    expect(models.get_by_role("heading", name="Reports")).to_be_visible()


def test_models_leads_to_the_champions_run_in_mlflow(page: Page) -> None:
    models = open_card(page, "weather")
    models.get_by_role("link", name="Champion in MLflow").click()

    expect(models.locator("body")).to_contain_text("roc_auc")


def test_models_leads_to_the_training_dag_in_the_same_window(page: Page) -> None:
    models = open_card(page, "weather")
    models.get_by_role("link", name="Training DAG").click()

    page.wait_for_url("**/dags/weather_training**")
    for step in ("extract", "validate", "build_features", "train", "evaluate", "gate", "promote"):
        expect(page.get_by_text(step).first).to_be_visible()


def test_models_leads_to_the_run_whose_note_says_what_was_decided(
    page: Page, stack: RunningStack
) -> None:
    models = open_card(page, "weather")
    models.get_by_role("link", name="Last run").click()

    page.wait_for_url("**/dags/weather_training/runs/**")
    run_id = unquote(urlsplit(page.url).path.split("/runs/")[1].split("/")[0])
    (decided,) = (
        decision
        for decision in stack.decisions("weather", "gate")
        if decision["run_key"] == f"weather_training/{run_id}"
    )
    expect(page.get_by_text(decided["sentence"])).to_be_visible()


def test_reports_lists_the_verdicts_and_opens_one(page: Page) -> None:
    reports = choose(page, "Reports")
    expect(reports.locator("#iris .badge").first).to_have_text("passed")
    reports.locator("#iris").get_by_role("link", name="Open").first.click()

    expect(reports.frame_locator("iframe").locator("body")).to_contain_text("checks passed")


def test_data_docs_open_in_the_browser(page: Page) -> None:
    docs = choose(page, "Data Docs")
    docs.get_by_role("row").filter(has_text="weather").get_by_role("link").first.click()

    expect(docs.locator("body")).to_contain_text("expect", ignore_case=True)


def test_mlflow_works_inside_the_ui(page: Page) -> None:
    mlflow = choose(page, "MLflow")
    mlflow.get_by_role("link", name="weather").first.click()

    expect(mlflow.locator("body")).to_contain_text("logistic")


def open_form(page: Page, stack: RunningStack, dag_id: str) -> Locator:
    """Open the form of a DAG and return its button."""
    page.goto(f"{stack.url}/dags/{dag_id}")
    page.get_by_test_id("trigger-dag-button").first.click()
    page.get_by_test_id("config-form").wait_for()
    return page.get_by_test_id("trigger-dag-submit")


def choose_use_case(page: Page, name: str) -> None:
    page.locator("#element_use_case").click()
    page.get_by_role("option", name=name).click()


@pytest.mark.parametrize("dag_id", ["weather_training", "weather_monitoring"])
def test_a_form_starts_its_run_when_nothing_is_filled_in(
    page: Page, stack: RunningStack, dag_id: str
) -> None:
    button = open_form(page, stack, dag_id)
    expect(button).to_be_enabled()
    expect(page.get_by_text("This field is required")).to_have_count(0)

    button.click()

    page.wait_for_url(f"**/dags/{dag_id}/runs/manual__**")


def test_the_form_of_a_rollback_waits_for_a_choice_and_a_reason(
    page: Page, stack: RunningStack
) -> None:
    button = open_form(page, stack, "operations_rollback")
    expect(button).to_be_disabled()
    expect(page.get_by_test_id("config-form")).not_to_contain_text("iris")

    choose_use_case(page, "iris")
    expect(button).to_be_disabled()
    page.locator("#element_reason").fill("to see the form")

    expect(button).to_be_enabled()


def test_the_form_of_a_backfill_waits_for_a_choice_and_a_first_day(
    page: Page, stack: RunningStack
) -> None:
    button = open_form(page, stack, "operations_backfill")
    expect(button).to_be_disabled()

    choose_use_case(page, "iris")
    page.locator("#element_from").fill("2026-11-01")

    expect(button).to_be_enabled()


def test_a_replay_is_asked_for_by_a_form_and_shown_on_its_page(
    page: Page, stack: RunningStack
) -> None:
    button = open_form(page, stack, "operations_replay")
    expect(button).to_be_disabled()
    choose_use_case(page, "weather")
    expect(button).to_be_enabled()

    api = AirflowApi(stack.url, stack.user, stack.password)
    run_id = api.trigger("operations_replay", "to see", {"use_case": "weather", "step": 60})
    while (state := api.state("operations_replay", run_id)) in {"queued", "running"}:
        time.sleep(1)

    assert state == "success"
    page.goto(f"{stack.url}/plugin/replay")
    shown = page.frame_locator("iframe")
    expect(shown.get_by_role("heading", name="weather")).to_be_visible()
    expect(shown.get_by_role("row", name="never retrain")).to_be_visible()
    picture = shown.get_by_alt_text("The metric of each policy over time")
    assert picture.evaluate("image => image.complete && image.naturalWidth > 0")


def promote_again(ledger: Records, use_case: str) -> None:
    """Put on record that the same model became champion once more, as version 2."""
    (first,) = ledger.promotions.of(use_case)
    decided = ledger.decisions.get(first.decision_id)
    assert decided
    again = ledger.decisions.record(
        replace(decided, id=decision_id(use_case, "fit/train", "again"))
    )
    ledger.promotions.append(
        replace(first, version=2, predecessor_id=first.id, decision_id=again.id)
    )


def test_a_person_approves_by_a_button_beside_the_report(page: Page, stack: RunningStack) -> None:
    ledger = records_of(stack)
    [waiting] = ledger.approvals.waiting("blossoms")
    models = open_card(page, "blossoms")
    expect(models.locator("#blossoms")).to_contain_text("Version 1 waits for a person's word")
    expect(models.locator("#blossoms")).to_contain_text("no champion yet")
    models.locator("#blossoms").get_by_role("link", name="Required actions").click()

    page.get_by_text("Promote version 1 of blossoms?").first.click()
    expect(page.get_by_text(waiting.sentence)).to_be_visible()
    expect(page.get_by_role("link", name="The report")).to_have_attribute("href", waiting.report)
    page.locator("#element_reason").fill("I read the report")
    page.get_by_role("button", name="Promote").click()

    wait_for(page, lambda: ledger.promotions.champion("blossoms"))
    [promoted] = ledger.promotions.of("blossoms")
    assert (promoted.version, promoted.actor) == (1, stack.user)
    assert promoted.reason.startswith(f"Approved by {stack.user}: I read the report. ")
    assert ledger.approvals.waiting("blossoms") == ()
    late = stack.run("evergreen", "approve", "blossoms", "--reason", "me too", "--refuse")
    assert late.returncode == 1
    assert f"version 1 of blossoms was approved by {stack.user} on" in plain(late.stderr)
    assert len(ledger.promotions.of("blossoms")) == 1


def test_a_person_approves_by_the_command_line_while_the_buttons_wait(
    page: Page, stack: RunningStack
) -> None:
    ledger, api = records_of(stack), AirflowApi(stack.url, stack.user, stack.password)
    [waiting] = ledger.approvals.waiting("buds")
    run = ("buds_approval", f"approval__{waiting.id}_version_1")
    asked = f"{stack.url}/api/v2/dags/{run[0]}/dagRuns/{run[1]}/taskInstances/ask/-1/hitlDetails"
    wait_for(page, lambda: "ask" in api.tasks(*run).get("deferred", ()))
    assert page.request.get(asked).json()["response_received"] is False

    done = stack.run("evergreen", "approve", "buds", "--reason", "I read it at home")

    assert done.returncode == 0, done.stdout + done.stderr
    wait_for(page, lambda: api.state(*run) == "success")
    [promoted] = ledger.promotions.of("buds")
    [answered] = ledger.approvals.newest("buds")
    who = promoted.actor
    assert promoted.reason.startswith(f"Approved by {who}: I read it at home. ")
    assert (answered.answer, answered.answered_by) == ("approved", who)
    assert (answered.reason, answered.answered_at is None) == ("I read it at home", False)
    shown = page.request.get(asked).json()
    assert shown["chosen_options"] == ["Promote"]
    assert shown["params_input"] == {
        "reason": f"Not by a button: approved by {who}: I read it at home"
    }
    no = {"chosen_options": ["Refuse"], "params_input": {"reason": "no"}}
    assert page.request.patch(asked, data=no).status == 409
    assert len(ledger.promotions.of("buds")) == 1
    assert [each.outcome for each in ledger.decisions.newest("buds", kind="approval")] == [
        "approved", "asked"
    ]  # fmt: skip


def test_what_nobody_answers_is_withdrawn(page: Page, stack: RunningStack) -> None:
    ledger, api = records_of(stack), AirflowApi(stack.url, stack.user, stack.password)
    [asked] = ledger.approvals.newest("stems")

    wait_for(page, lambda: ledger.approvals.newest("stems")[0].outcome)

    run = ("stems_approval", f"approval__{asked.id}_version_1")
    wait_for(page, lambda: api.state(*run) == "success")
    [expired] = ledger.approvals.newest("stems")
    assert (expired.answer, expired.answered_by) == ("expired", "nobody")
    assert ledger.promotions.of("stems") == ()
    late = stack.run("evergreen", "approve", "stems", "--reason", "yes")
    assert late.returncode == 1
    assert "version 1 of stems was withdrawn on" in plain(late.stderr)
    assert "(nobody answered in time)" in plain(late.stderr)
    assert ledger.promotions.of("stems") == ()


def records_of(stack: RunningStack) -> Records:
    return Records(stack.database_url, kept=0)


def plain(told: str) -> str:
    """What the command line says, on one line."""
    return " ".join(told.split())


def test_a_form_retires_a_use_case_and_brings_it_back(page: Page, stack: RunningStack) -> None:
    ledger = records_of(stack)
    for back in (False, True):
        button = open_form(page, stack, "operations_retire")
        choose_use_case(page, "blossoms")
        page.locator("#element_reason").fill("sold, or not")
        if back:
            page.get_by_text("Bring it back").last.click()
        expect(button).to_be_enabled()
        button.click()
        wait_for(page, lambda gone=back: bool(ledger.retirements.get("blossoms")) is not gone)

    kinds = [each.outcome for each in ledger.decisions.newest("blossoms", kind="retirement")]
    assert kinds == ["activated", "retired"]


def wait_for(page: Page, condition: Callable[[], object], seconds: int = 120) -> None:
    """Wait until something is so that no page tells."""
    for _ in range(seconds * 2):
        if condition():
            return
        page.wait_for_timeout(500)
    raise AssertionError("it did not come to pass")


def test_models_leads_to_a_rollback_that_asks_for_a_reason_only(
    page: Page, stack: RunningStack
) -> None:
    ledger = records_of(stack)
    promote_again(ledger, "iris")
    models = open_card(page, "iris")
    models.get_by_role("link", name="Go back to an earlier one").click()

    expect(models.get_by_role("radio", name="Version 1")).to_be_checked()
    models.get_by_label("Reason").fill("the second is the first")
    models.get_by_role("button", name="Go back").click()
    models.get_by_role("link", name="Follow it here.").click()

    page.wait_for_url("**/dags/operations_rollback/runs/**")
    expect(page.get_by_text("Success").first).to_be_visible(timeout=90_000)
    page.reload()
    expect(page.get_by_text("Rolled back from version 2 to 1").first).to_be_visible()
    assert [step.version for step in ledger.promotions.of("iris")] == [1, 2, 1]

"""What a user sees of Evergreen in the Airflow UI, clicked through in a real browser."""

from urllib.parse import unquote, urlsplit

import httpx
import pytest
from playwright.sync_api import FrameLocator, Page, expect

from end_to_end.conftest import RunningStack

pytestmark = pytest.mark.end_to_end

PAGES = ("models", "reports", "data-docs", "open-mlflow", "mlflow")


def choose(page: Page, name: str) -> FrameLocator:
    """Click an entry of the menu and return what opens."""
    page.get_by_role("link", name=name, exact=True).click()
    return page.frame_locator("iframe").first


@pytest.mark.parametrize("name", PAGES)
def test_nobody_sees_a_page_without_the_login(stack: RunningStack, name: str) -> None:
    answer = httpx.get(f"{stack.url}/evergreen/{name}/")

    assert answer.status_code == 401


def test_models_shows_each_champion_and_what_it_has_proved(page: Page) -> None:
    models = choose(page, "Models")

    weather = models.locator("#weather")
    expect(weather).to_contain_text("Version")
    expect(weather).to_contain_text("has a champion")
    expect(weather.get_by_role("img", name="roc_auc 0.")).to_be_visible()
    expect(models.locator("#iris")).to_contain_text("has a champion")


def test_models_leads_to_the_report_and_back(page: Page) -> None:
    models = choose(page, "Models")
    models.locator("#weather").get_by_role("link", name="Report of the champion").click()

    report = models.frame_locator("iframe")
    expect(report.get_by_role("heading", name="weather").first).to_be_visible()
    expect(report.locator("body")).to_contain_text("checks passed")
    models.get_by_role("link", name="← Reports").click()

    expect(models.get_by_role("heading", name="Reports")).to_be_visible()


def test_models_leads_to_the_champions_run_in_mlflow(page: Page) -> None:
    models = choose(page, "Models")
    models.locator("#weather").get_by_role("link", name="Champion in MLflow").click()

    expect(models.locator("body")).to_contain_text("roc_auc")


def test_models_leads_to_the_training_dag_in_the_same_window(page: Page) -> None:
    models = choose(page, "Models")
    models.locator("#weather").get_by_role("link", name="Training DAG").click()

    page.wait_for_url("**/dags/weather_training**")
    for step in ("extract", "validate", "build_features", "train", "evaluate", "gate", "promote"):
        expect(page.get_by_text(step).first).to_be_visible()


def test_models_leads_to_the_run_whose_note_says_what_was_decided(
    page: Page, stack: RunningStack
) -> None:
    models = choose(page, "Models")
    models.locator("#weather").get_by_role("link", name="Last run").click()

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

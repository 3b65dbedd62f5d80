"""Who has not logged in sees nothing of Evergreen in the Airflow UI."""

import httpx
import pytest

from own_stack import RunningStack

pytestmark = pytest.mark.end_to_end

PAGES = ("models", "reports", "data-docs", "open-mlflow", "mlflow")


@pytest.mark.parametrize("name", PAGES)
def test_nobody_sees_a_page_without_the_login(stack: RunningStack, name: str) -> None:
    answer = httpx.get(f"{stack.url}/evergreen/{name}/", timeout=30)

    assert answer.status_code == 401

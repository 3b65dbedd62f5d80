"""The notebook template runs from top to bottom on a running stack, and leaves a run in MLflow."""

import nbformat
import pytest
from mlflow import MlflowClient
from nbclient import NotebookClient

from evergreen.settings import PROJECT
from own_stack import RunningStack

pytestmark = pytest.mark.end_to_end


@pytest.mark.filterwarnings("ignore")  # of the notebook's machinery
def test_the_notebook_runs_and_leaves_a_run_beside_those_of_the_dag(
    stack: RunningStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in stack.env.items():
        monkeypatch.setenv(name, value)
    notebook = nbformat.read(PROJECT / "notebooks" / "explore.ipynb", as_version=4)

    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()

    told = "".join(str(cell.get("outputs", "")) for cell in notebook.cells)
    assert "Champion: version" in told
    assert "include/evergreen" not in told, "our own code warns"
    client = MlflowClient(tracking_uri=stack.tracking_uri)
    [experiment] = client.search_experiments(filter_string="name = 'evergreen.weather'")
    [run] = client.search_runs([experiment.experiment_id], "attributes.run_name = 'notebook'")
    assert run.info.status == "FINISHED"
    assert run.data.metrics["holdout_roc_auc"] > 0.6

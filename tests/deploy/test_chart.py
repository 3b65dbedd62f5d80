"""The values of Airflow's chart, the pods that its executor makes, and what Argo CD follows."""

import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from sqlalchemy import create_engine

from deploy.kubernetes_objects import DEPLOY, Object, containers, pinned, sealed, values
from evergreen.settings import PROJECT
from evergreen.spec import Task
from evergreen_workshop.stack import environment

PRODUCTION = DEPLOY / "kubernetes" / "overlays" / "production"
EXECUTORS = ("kubernetes", "celery")
EVERY_EXECUTOR = pytest.mark.parametrize("executor", EXECUTORS)


@EVERY_EXECUTOR
def test_the_chart_runs_the_airflow_that_we_pin(executor: str) -> None:
    chosen = values("values.yaml", f"values-{executor}.yaml")
    pins = (PROJECT / "requirements.txt").read_text()

    assert f"apache-airflow=={chosen['airflowVersion']} " in pins
    assert chosen["executor"].lower() == f"{executor}executor"
    assert pinned(f"{chosen['defaultAirflowRepository']}:{chosen['defaultAirflowTag']}")


@EVERY_EXECUTOR
def test_airflow_is_set_as_by_make_up(executor: str) -> None:
    config = values("values.yaml", f"values-{executor}.yaml")["config"]
    local = environment.airflow_environment(home=Path(), database_url="", ui_url="", port=0)

    for section, options in config.items():
        for option, value in options.items():
            name = f"AIRFLOW__{section}__{option}".upper()
            if name in local and not option.endswith(("folder", "base_url", "parallelism")):
                assert value.lower() == local[name].lower(), name


def test_what_airflow_reads_lies_where_the_image_has_it() -> None:
    chosen = values("values.yaml")
    dockerfile = (PROJECT / "Dockerfile").read_text()

    assert chosen["config"]["core"]["dags_folder"] == "/opt/evergreen/dags"
    assert chosen["config"]["core"]["plugins_folder"] == "/opt/evergreen/plugins"
    assert "WORKDIR /opt/evergreen\n" in dockerfile
    assert {"COPY dags dags", "COPY plugins plugins"} <= set(dockerfile.splitlines())


def test_declarations_are_read_where_git_sync_puts_them() -> None:
    chosen = values("values.yaml")
    variables = {each["name"]: each["value"] for each in chosen["env"]}
    link = f"{chosen['dags']['mountPath']}/repo"

    assert chosen["dags"]["gitSync"]["enabled"] is True
    assert variables["EVERGREEN_USE_CASES_DIR"] == f"{link}/use_cases"
    assert variables["EVERGREEN_EXPECTATIONS_DIR"] == f"{link}/expectations"


@EVERY_EXECUTOR
def test_the_chart_is_given_no_secret(executor: str) -> None:
    chosen = values("values.yaml", f"values-{executor}.yaml")

    assert chosen["postgresql"]["enabled"] is False
    assert chosen["redis"]["enabled"] is False
    own = {"fernetKey", "apiSecretKey", "jwtSecret", "webserverSecretKey", "extraSecrets"}
    assert not own & set(chosen)
    assert not {"metadataConnection", "brokerUrl", "resultBackendConnection"} & set(chosen["data"])


def test_the_ui_is_reached_where_it_says_that_it_is() -> None:
    chosen = values("values.yaml")
    [host] = chosen["ingress"]["apiServer"]["hosts"]
    told = {each["name"]: each["value"] for each in chosen["env"]}["EVERGREEN_UI_URL"]

    assert chosen["ingress"]["apiServer"]["enabled"] is True
    assert host["tls"]["enabled"] is True
    assert f"https://{host['name']}" == told == chosen["config"]["api"]["base_url"]


def airflow_urls() -> dict[str, str]:
    """Return the addresses of Airflow's database as they are to be kept, by the secret's keys."""
    listed = (PRODUCTION / "secrets.yaml").read_text()
    return dict(re.findall(r"secretKey: ([\w-]*connection) # (\w[\w+]*://\S+/airflow)", listed))


def test_keda_can_read_where_airflow_keeps_what_waits() -> None:
    assert airflow_urls()["connection"].startswith("postgresql://")


@EVERY_EXECUTOR
def test_airflow_is_given_the_connection_that_names_its_driver(executor: str) -> None:
    chosen = values("values.yaml", f"values-{executor}.yaml")
    name, key = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "sqlalchemy-connection"

    assert chosen["enableBuiltInSecretEnvVars"][name] is False  # the chart's would be `connection`
    assert {"envName": name, "secretName": "evergreen-airflow", "secretKey": key} in chosen[
        "secret"
    ]
    assert create_engine(airflow_urls()[key]).driver == "psycopg2"


def test_a_task_s_pod_is_given_it_as_well() -> None:
    template = values("values-kubernetes.yaml")["podTemplate"]

    asked = re.findall(
        r"name: AIRFLOW__DATABASE__SQL_ALCHEMY_CONN.*\n.*\n.*key: ([\w-]+)", template
    )
    assert asked == ["sqlalchemy-connection"]


def test_keda_scales_the_workers_of_celery() -> None:
    workers = values("values.yaml", "values-celery.yaml")["workers"]["celery"]

    assert workers["keda"]["enabled"] is True
    assert 0 < workers["keda"]["minReplicaCount"] < workers["keda"]["maxReplicaCount"]


def applications() -> dict[str, Object]:
    documents = yaml.safe_load_all((DEPLOY / "argocd" / "evergreen.yaml").read_text())
    return {each["metadata"]["name"]: each["spec"] for each in documents
            if each["kind"] == "Application"}  # fmt: skip


def test_argo_cd_follows_a_branch_and_mends_what_others_change() -> None:
    for name, spec in applications().items():
        automated = spec["syncPolicy"]["automated"]
        assert automated == {"prune": True, "selfHeal": True}, name


def test_argo_cd_is_pointed_at_files_that_there_are() -> None:
    found = applications()
    chart, ours = found["airflow"]["sources"]

    assert (PROJECT / found["evergreen"]["source"]["path"] / "kustomization.yaml").is_file()
    named = [file.removeprefix("$values/") for file in chart["helm"]["valueFiles"]]
    assert all((PROJECT / file).is_file() for file in named)
    assert ours["repoURL"] == values("values.yaml")["dags"]["gitSync"]["repo"]


def test_the_page_on_kubernetes_names_what_there_is() -> None:
    page = (PROJECT / "docs" / "kubernetes.md").read_text()
    chart = applications()["airflow"]["sources"][0]

    named = set(re.findall(r"(?:-k|-f|--values|=)[ =]?((?:deploy|config)/\S+)", page))
    assert len(named) == 8
    assert [path for path in named if not (PROJECT / path).exists()] == []
    assert f"--version {chart['targetRevision']} " in page


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """The pod template, as the chart lays it beside the scheduler."""
    file = tmp_path / "pod_template_file.yaml"
    file.write_text(values("values-kubernetes.yaml")["podTemplate"])
    return file


def pod_of(task: Task, template: Path, monkeypatch: pytest.MonkeyPatch) -> Object:
    """What KubernetesExecutor would send to Kubernetes for a task that is declared so."""
    from airflow.providers.cncf.kubernetes.pod_generator import PodGenerator
    from kubernetes.client import ApiClient

    from evergreen_airflow.options import arguments, in_pods

    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "KubernetesExecutor")
    config = in_pods(arguments(task)).get("executor_config")
    pod = PodGenerator.construct_pod(
        dag_id="iris_training", task_id="train", pod_id="iris-training-train-1", try_number=1,
        kube_image="registry.example.com/evergreen:0.1.0", date=None, args=["airflow"],
        pod_override_object=PodGenerator.from_obj(config),
        base_worker_pod=PodGenerator.deserialize_model_file(str(template)),
        namespace="evergreen", scheduler_job_id="1", run_id="manual",
    )  # fmt: skip
    return dict(ApiClient().sanitize_for_serialization(pod))


@pytest.mark.parametrize("task", [Task(), Task(cpu=4, memory="16Gi")])
def test_a_tasks_pod_is_valid_and_may_do_no_more_than_it_must(
    task: Task, template: Path, monkeypatch: pytest.MonkeyPatch, airflow: None
) -> None:
    pod = pod_of(task, template, monkeypatch)

    kubernetes_validate.validate(pod, "1.36", strict=True)
    assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
    assert pod["spec"]["automountServiceAccountToken"] is False
    for container in containers(pod["spec"]):
        sealed(container)
        assert pinned(container["image"])


def test_a_task_gets_what_its_declaration_asks_for(
    template: Path, monkeypatch: pytest.MonkeyPatch, airflow: None
) -> None:
    pod = pod_of(Task(cpu=4, memory="16Gi"), template, monkeypatch)

    [container] = pod["spec"]["containers"]
    asked = {"cpu": "4", "memory": "16Gi"}
    assert container["resources"] == {"requests": asked, "limits": asked}
    assert container["image"] == "registry.example.com/evergreen:0.1.0"


def test_a_tasks_pod_is_told_what_every_process_of_airflow_is_told(template: Path) -> None:
    chosen = values("values.yaml")
    [container] = yaml.safe_load(template.read_text())["spec"]["containers"]
    told: dict[str, Any] = {each["name"]: each.get("value") for each in container["env"]}

    assert {each["name"]: each["value"] for each in chosen["env"]}.items() <= told.items()
    assert container["envFrom"] == yaml.safe_load(chosen["extraEnvFrom"])
    assert {each["envName"] for each in chosen["secret"]} <= set(told)


def test_the_login_lies_where_its_owner_may_write() -> None:
    chosen = values("values.yaml")
    file = Path(chosen["config"]["core"]["simple_auth_manager_passwords_file"])
    [before] = chosen["apiServer"]["extraInitContainers"]

    assert before["command"][-1] == str(file)
    # The chart mounts a file into the folder `airflow` of that volume: whoever makes it is root.
    assert str(file.parent) in {each["mountPath"] for each in before["volumeMounts"]}


def test_whoever_tells_of_failures_knows_whom(template: Path) -> None:
    held = {"name": "evergreen-notify", "optional": True}
    [container] = yaml.safe_load(template.read_text())["spec"]["containers"]

    for told in (container["envFrom"], yaml.safe_load(values("values.yaml")["extraEnvFrom"])):
        assert {"secretRef": held} in told
    [secret] = [
        each for each in yaml.safe_load_all((PRODUCTION / "secrets.yaml").read_text())
        if each["metadata"]["name"] == held["name"]
    ]  # fmt: skip
    assert [each["secretKey"] for each in secret["spec"]["data"]] == ["EVERGREEN_NOTIFY_URLS"]


def test_git_sync_brings_the_same_to_all(template: Path) -> None:
    chosen = values("values.yaml")
    synced = chosen["dags"]["gitSync"]
    [beside] = chosen["apiServer"]["extraContainers"]
    [before] = yaml.safe_load(template.read_text())["spec"]["initContainers"]

    for container in (beside, before):
        sealed(container)
        wanted = {f"--repo={synced['repo']}", f"--ref={synced['ref']}", "--link=repo"}
        assert wanted <= set(container["args"])
        assert container["envFrom"] == [{"secretRef": {"name": "evergreen-git", "optional": True}}]
    assert "--one-time" in before["args"]
    assert before["image"] == beside["image"]

// Sets what MLflow asks a newcomer for (its state is in the browser), then opens the page of the hash.
const dark = document.documentElement.dataset.theme === "dark";
const settings = {
  "_mlflow_dark_mode_toggle_enabled": dark,
  "databricks-dark-mode-pref": dark ? "dark" : "light",
  "mlflow.settings.telemetry.enabled_v1": false,
  "mlflow.telemetry.info.alert.dismissed_v1": true,
  "mlflow.assistant.fab.autoOpenedOnFirstLoad_v1": true,
  "mlflow.workflowType_v1": "machine_learning",
};
for (const [key, value] of Object.entries(settings)) {
  const plain = !key.endsWith("_v1") && typeof value === "string";
  localStorage.setItem(key, plain ? value : JSON.stringify(value));
}
const wanted = location.hash.startsWith("#/") ? location.hash : "#/experiments";
location.replace(new URL(`../mlflow/${wanted}`, location.href));

// Ask Airflow for the run, as whoever has logged in, and say what came of it.
const form = document.querySelector("form.ask");
const button = form.querySelector("button");
const answer = form.querySelector(".answer");

function say(text, href) {
  answer.replaceChildren(text);
  if (!href) return;
  const link = document.createElement("a");
  link.href = href;
  link.dataset.airflow = "";
  link.textContent = "Follow it here.";
  answer.append(" ", link);
}

async function ask() {
  const chosen = new FormData(form);
  const conf = {
    use_case: form.dataset.useCase,
    version: Number(chosen.get("version")),
    reason: chosen.get("reason").trim(),
  };
  const response = await fetch(form.dataset.postsTo, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ logical_date: null, conf, note: conf.reason }),
  });
  const told = await response.json();
  if (!response.ok) throw new Error(`Airflow refused (${response.status}): ${JSON.stringify(told.detail)}`);
  say("The rollback has been asked for.", `${form.dataset.airflow}/dags/${told.dag_id}/runs/${encodeURIComponent(told.dag_run_id)}`);
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  button.disabled = true;
  say("Asking Airflow …");
  try {
    await ask();
  } catch (error) {
    say(error.message);
    button.disabled = false;
  }
});

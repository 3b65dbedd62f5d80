// The page lives in an iframe of the Airflow UI: follow its theme, and open its pages in its window.
const ui = window.parent !== window ? window.parent : null;

function followTheme() {
  const host = ui ? ui.document.documentElement : null;
  const stored = host ? host.classList.contains("dark") || host.dataset.theme === "dark"
    : window.matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = stored ? "dark" : "light";
}

followTheme();
if (ui) {
  new MutationObserver(followTheme).observe(ui.document.documentElement, {
    attributes: true, attributeFilter: ["class", "data-theme", "style"],
  });
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-airflow]");
  if (!link || !ui || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const there = ui.document.createElement("a"); // the iframe itself may not navigate the window
  there.href = link.href;
  ui.document.body.append(there);
  there.click();
  there.remove();
});

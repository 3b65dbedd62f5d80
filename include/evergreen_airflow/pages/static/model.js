// The last minutes of each champion, asked for again every few seconds while somebody looks.
const EVERY = 5000;
const WIDTH = 200;
const HEIGHT = 34;
const SVG = "http://www.w3.org/2000/svg";
const figures = document.querySelectorAll("[data-live]");
const processes = new Set();

const whole = (value) => value.toLocaleString("en");
const short = (value) => Number(value.toPrecision(3)).toLocaleString("en", { maximumSignificantDigits: 3 });
const FIGURES = [
  { name: "requests", title: () => "Requests, last minute", text: whole },
  { name: "refused", title: () => "Refused, last minute", text: whole },
  { name: "latency_ms", title: () => "Latency, 95 % below", text: (value) => `${short(value)} ms` },
  { name: "answer", title: (told) => `${told.answer_is[0].toUpperCase()}${told.answer_is.slice(1)}`, text: short },
  { name: "confidence", title: () => "Confidence, mean", text: (value) => `${(100 * value).toFixed(1)} %` },
];

function element(name, attributes = {}, text = "") {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}

// Lines between slices that have a figure; a slice without one is a gap, never a zero.
function sparkline(values, label) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 -2 ${WIDTH} ${HEIGHT + 4}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", label);
  const known = values.filter((value) => value !== null);
  const low = Math.min(0, ...known);
  const high = Math.max(...known, low + 1e-9);
  let run = [];
  const draw = () => {
    if (!run.length) return;
    if (run.length === 1) run.push(`${Number(run[0].split(",")[0]) + 2},${run[0].split(",")[1]}`);
    const line = document.createElementNS(SVG, "polyline");
    line.setAttribute("points", run.join(" "));
    svg.append(line);
    run = [];
  };
  values.forEach((value, index) => {
    if (value === null) return draw();
    const x = (index / (values.length - 1)) * WIDTH;
    run.push(`${x.toFixed(1)},${(HEIGHT * (1 - (value - low) / (high - low))).toFixed(1)}`);
  });
  draw();
  return svg;
}

function figure({ name, title, text }, told) {
  const value = told.minute[name];
  const label = value === null ? "none" : text(value);
  const made = element("figure", { "data-figure": name });
  made.append(element("figcaption", {}, title(told)), element("strong", {}, label));
  made.append(sparkline(told.series[name], `${title(told)}: ${label}`));
  return made;
}

function show(place, told, note) {
  const grid = element("div", { class: "minutes" });
  const wanted = told ? FIGURES.filter(({ name }) => known(name, told)) : [];
  grid.append(...wanted.map((one) => figure(one, told)));
  place.replaceChildren(element("h2", {}, "The last ten minutes"), grid, element("p", { class: "muted" }, note));
  place.hidden = false;
}

function known(name, told) {
  return ["requests", "refused", "latency_ms"].includes(name) || told.series[name].some((value) => value !== null);
}

function note(document_) {
  processes.add(document_.process);
  const until = `Up to ${document_.until.slice(11, 19)} UTC`;
  if (processes.size < 2) return `${until}, of the process ${document_.process}.`;
  return `${until}, of ${document_.process} alone: ${processes.size} processes have answered here; Prometheus adds them up.`;
}

async function look() {
  let told;
  try {
    const answer = await fetch(figures[0].dataset.live, { headers: { Accept: "application/json" } });
    told = await answer.json();
    if (!answer.ok && !told.problem) throw new Error(`Airflow answered ${answer.status}`);
  } catch (error) {
    told = { problem: `No live figures: ${error.message}.` };
  }
  for (const place of figures) {
    if (told.problem) show(place, null, told.problem);
    else if (told.use_cases[place.dataset.useCase]) show(place, told.use_cases[place.dataset.useCase], note(told));
    else show(place, null, `${note(told)} Nobody has asked it since ${told.since.slice(0, 16).replace("T", " ")} UTC.`);
  }
}

async function follow() {
  if (!document.hidden) await look();
  setTimeout(follow, EVERY);
}

if (figures.length) follow();

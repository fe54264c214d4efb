// The script refreshes running work, keeps relative times current, moves the focus
// in a calendar by arrow keys, and copies snippets and links. Pages work without it.
"use strict";

const units = [[60, 1, "s"], [3600, 60, "min"], [2 * 86400, 3600, "h"], [60 * 86400, 86400, "days"], [730 * 86400, 30 * 86400, "months"], [Infinity, 365 * 86400, "years"]];

// Texts of the script in the page's language.
const texts = document.documentElement.lang === "nl"
  ? { days: "dagen", months: "maanden", years: "jaar", h: "u", now: "zojuist", past: (t) => t + " geleden", future: (t) => "over " + t, copy: "Kopiëren", copied: "Gekopieerd" }
  : { now: "just now", past: (t) => t + " ago", future: (t) => "in " + t, copy: "Copy", copied: "Copied" };

function ago(then) {
  const seconds = (Date.now() - skew - then) / 1000, size = Math.abs(seconds);
  if (size < 5) return texts.now;
  const [, per, unit] = units.find(([below]) => size < below);
  const text = Math.floor(size / per) + " " + (texts[unit] ?? unit);
  return seconds < 0 ? texts.future(text) : texts.past(text);
}

// Relative times use the server's clock.
const rendered = Date.parse(document.querySelector("meta[name=now]")?.content);
const skew = rendered ? Date.now() - rendered : 0;

function updateTimes() {
  for (const t of document.querySelectorAll("time[datetime]")) t.textContent = ago(Date.parse(t.dateTime));
}
setInterval(updateTimes, 15000);

// A notice is shown once, and not again after a reload.
if (new URLSearchParams(location.search).has("done")) history.replaceState(null, "", location.pathname);

// The parts of a live page are replaced by those of the current page. A part that
// has the focus stays.
const main = document.querySelector("main[data-live]");
async function refresh() {
  if (document.hidden) return again();
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.ok) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of document.querySelectorAll("[data-part]")) {
        const now = page.getElementById(part.id);
        if (now && !part.contains(document.activeElement) && now.innerHTML !== part.innerHTML) part.replaceChildren(...now.childNodes);
      }
      main.dataset.live = page.querySelector("main").dataset.live || main.dataset.live;
      roam();
    }
  } catch { /* the server does not answer: try again */ }
  again();
}
function again() { setTimeout(refresh, 1000 * Number(main.dataset.live)); }
if (main) again();

// A calendar is one stop of the tab key. Arrow keys move the focus in it.
function roam() {
  for (const table of document.querySelectorAll("table.calendar:not([data-roams])")) {
    table.dataset.roams = "";
    const cells = table.querySelectorAll("a.cell");
    for (const c of cells) c.tabIndex = -1;
    if (cells.length) cells[0].tabIndex = 0;
    table.addEventListener("keydown", (e) => {
      const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[e.key];
      const td = e.target.closest("td");
      if (!step || !td) return;
      e.preventDefault();
      let row = td.parentNode.rowIndex, col = td.cellIndex;
      for (let tries = 0; tries < 40; tries++) {
        row += step[0]; col += step[1];
        const next = table.rows[row]?.cells[col]?.querySelector("a.cell");
        if (next) {
          e.target.tabIndex = -1; next.tabIndex = 0; next.focus();
          return;
        }
        if (!table.rows[row]?.cells[col]) return;
      }
    });
  }
}
roam();

// A click on the link to a view copies its address.
for (const link of document.querySelectorAll("a.share")) {
  if (!navigator.clipboard) break;
  link.addEventListener("click", async (e) => {
    e.preventDefault();
    const text = link.textContent;
    await navigator.clipboard.writeText(link.href);
    link.textContent = texts.copied;
    setTimeout(() => { link.textContent = text; }, 1500);
  });
}

for (const snippet of document.querySelectorAll(".snippet")) {
  if (!navigator.clipboard) break;
  const button = document.createElement("button");
  button.type = "button"; button.className = "copy"; button.textContent = texts.copy;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(snippet.querySelector("code").textContent);
    button.textContent = texts.copied;
    setTimeout(() => { button.textContent = texts.copy; }, 1500);
  });
  snippet.querySelector(".snippet-head").append(button);
}

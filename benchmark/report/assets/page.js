"use strict";
// Theme, tabs, sorting, filters and legends. Without this file every table and chart is still there, one below the other. Nothing is stored.

const LIMIT = 100; // rows of a table that are shown until all are asked for
const DRAWN = 16; // lines of a chart likewise: more could not be told apart
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const ORDER = new Map(all("table").filter((table) => table.querySelector(".sort")).map((table) => [table, [...table.tBodies[0].rows]]));
const one = (id) => document.getElementById(id);

function theme() {
  const button = one("theme");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const show = (on) => {
    document.documentElement.dataset.theme = on ? "dark" : "light";
    button.setAttribute("aria-pressed", String(on));
  };
  show(dark.matches);
  dark.addEventListener("change", (event) => show(event.matches));
  button.hidden = false;
  button.addEventListener("click", () => show(button.getAttribute("aria-pressed") === "false"));
}

// The ARIA pattern of tabs with automatic activation: arrows, Home and End move, and only the chosen tab is in the order of Tab.
function tabs() {
  const list = document.querySelector("[role=tablist]");
  if (!list) return;
  const own = all("[role=tab]", list);
  const choose = (chosen, focus) => {
    for (const tab of own) {
      const on = tab === chosen;
      tab.setAttribute("aria-selected", String(on));
      tab.tabIndex = on ? 0 : -1;
      one(tab.getAttribute("aria-controls")).hidden = !on;
    }
    if (focus) chosen.focus();
    list.scrollLeft = chosen.offsetLeft - list.offsetLeft - (list.clientWidth - chosen.offsetWidth) / 2; // scrollIntoView would move where Tab begins
  };
  const named = () => own.find((tab) => tab.id === "tab-" + decodeURIComponent(location.hash.slice(1)));
  const visit = (tab) => {
    choose(tab, true);
    history.replaceState(null, "", "#" + tab.id.slice(4)); // the address leads back to the tab
  };
  list.addEventListener("click", (event) => {
    const tab = event.target.closest("[role=tab]");
    if (tab) visit(tab);
  });
  list.addEventListener("keydown", (event) => {
    const at = own.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    visit(own.at(to % own.length));
  });
  addEventListener("hashchange", () => named() && choose(named(), false));
  list.hidden = false;
  choose(named() || own[0], false);
}

// What a cell is sorted by: its first number where the column has numbers, else its text.
function value(row, index, numeric) {
  const text = row.cells[index].textContent.trim();
  if (!numeric) return text.toLowerCase();
  if (text === "baseline" || text === "the same") return 0; // of a table of changes
  return parseFloat(text.replaceAll("−", "-"));
}

function sort(button) {
  const head = button.closest("th");
  const body = head.closest("table").tBodies[0];
  const numeric = head.classList.contains("n");
  const now = head.getAttribute("aria-sort");
  const way = (now ? now === "descending" : head.dataset.first !== "descending") ? 1 : -1; // the best first, then the other way round
  for (const other of all("th[aria-sort]", head.parentElement)) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", way > 0 ? "ascending" : "descending");
  const empty = (x) => x === "" || Number.isNaN(x);
  const keyed = [...body.rows].map((row) => [value(row, head.cellIndex, numeric), row]);
  keyed.sort(([a], [b]) => empty(a) - empty(b) || (empty(a) ? 0 : way * (numeric ? a - b : a.localeCompare(b)))); // what has no value stays last
  body.append(...keyed.map(([, row]) => row));
  limit(body.closest("table"));
}

// Back to the order in which the page came.
function unsorted(table) {
  for (const head of all("th[aria-sort]", table)) head.removeAttribute("aria-sort");
  table.tBodies[0].append(...ORDER.get(table));
}

// Hide what is beyond the first rows of a table that pass the filter.
function limit(table) {
  const rows = [...table.tBodies[0].rows].filter((row) => !row.classList.contains("filtered"));
  const some = !table.classList.contains("whole");
  rows.forEach((row, index) => row.classList.toggle("beyond", some && index >= LIMIT));
  const box = table.closest(".scroll");
  let button = box.nextElementSibling;
  if (!button || !button.classList.contains("whole-table")) {
    if (rows.length <= LIMIT) return;
    button = document.createElement("button");
    button.type = "button";
    button.className = "whole-table quiet";
    button.addEventListener("click", () => {
      table.classList.add("whole");
      limit(table);
    });
    box.after(button);
  }
  button.textContent = `Show all ${rows.length} rows`;
  button.hidden = !some || rows.length <= LIMIT;
}

// The first lines of a chart that pass the filter, and those that were asked for.
function draw(figure) {
  let shown = 0;
  for (const button of all(".legend .line", figure)) {
    const filtered = button.classList.contains("filtered");
    if (!filtered && !button.dataset.asked) button.setAttribute("aria-pressed", String(shown < DRAWN));
    const on = !filtered && button.getAttribute("aria-pressed") === "true";
    shown += on;
    figure.querySelector(`.series[data-line="${button.dataset.line}"]`).classList.toggle("off", !on);
  }
}

function filters() {
  const bar = document.querySelector(".filters");
  if (!bar) return;
  const rows = all("#main [data-front]");
  const apply = () => {
    const [find, front, scheme, track] = ["find", "front", "scheme", "track"].map((id) => (one(id) ? one(id).value : ""));
    const text = find.trim().toLowerCase();
    for (const row of rows) {
      const own = row.dataset;
      const said = `${own.front} ${own.scheme || ""} ${own.track || ""}`.toLowerCase();
      const out = (front && own.front !== front) || (own.scheme && scheme && own.scheme !== scheme) || (own.track && track && own.track !== track) || !said.includes(text);
      row.classList.toggle("filtered", Boolean(out));
    }
    all("table").filter((table) => table.querySelector("tr[data-front]")).forEach(limit);
    for (const figure of all("figure.chart")) {
      draw(figure);
      const some = figure.querySelector("g.filtered"); // what joins rows says nothing of some of them
      for (const line of all(".joined, .front", figure)) line.classList.toggle("off", Boolean(some));
    }
    const board = all("#panel-overall .board:not(.costs) tbody tr"); // where it is: nothing is counted beside sounds
    const left = (board.length ? board : rows).filter((row) => !row.classList.contains("filtered")).length;
    one("count").textContent = !left ? "Nothing is like that; Reset shows all." : board.length ? `${left} of ${board.length} rows` : "";
  };
  bar.addEventListener("input", apply);
  one("reset").addEventListener("click", () => {
    for (const field of all("input, select", bar)) field.value = "";
    for (const table of ORDER.keys()) unsorted(table);
    apply();
  });
  bar.hidden = false;
  apply();
}

function legends() {
  for (const figure of all("figure.chart")) {
    const series = (button) => figure.querySelector(`.series[data-line="${button.dataset.line}"]`);
    const flip = (button) => button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") === "false"));
    for (const button of all(".legend .line", figure)) {
      const point = (on) => () => series(button).classList.toggle("pointed", on);
      button.addEventListener("click", () => {
        flip(button);
        button.dataset.asked = "yes";
        draw(figure);
      });
      for (const [name, on] of [["pointerenter", true], ["focus", true], ["pointerleave", false], ["blur", false]]) button.addEventListener(name, point(on));
    }
    const ribbons = figure.querySelector(".ribbons");
    if (ribbons) ribbons.addEventListener("click", () => {
      flip(ribbons);
      figure.classList.toggle("with-ribbons", ribbons.getAttribute("aria-pressed") === "true");
    });
  }
}

theme();
tabs();
document.addEventListener("click", (event) => event.target.closest(".sort") && sort(event.target.closest(".sort")));
legends();
filters();

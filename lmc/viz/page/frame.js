"use strict";
// What all views have in common: the data, short ways to make elements, what is said of a thing, tabs, keys and search.
const data = JSON.parse(document.getElementById("data").textContent);
const $ = id => document.getElementById(id);
const picture = $("picture"), says = $("says"), scroller = $("scroll"), find = $("find");
const CHAR = 7.25, NS = "http://www.w3.org/2000/svg";
const views = {}; // name -> {title, legend, draw, all, buttons}
let view, things = [], current = 0, pinned = null;

function made(parent, name, attributes, text) {
  const element = document.createElementNS(NS, name);
  for (const key in attributes) element.setAttribute(key, attributes[key]);
  if (text !== undefined) element.textContent = text;
  parent.appendChild(element);
  return element;
}

function html(parent, name, text, kind) {
  const element = document.createElement(name);
  if (text !== undefined) element.textContent = text;
  if (kind) element.className = kind;
  parent.appendChild(element);
  return element;
}

function cut(text, room) {
  if (text.length <= room) return text;
  const all = Array.from(text);
  return all.length <= room ? text : room < 3 ? "" : all.slice(0, room - 1).join("") + "…";
}

function words(parent, kind, x, y, text, room) {
  const fits = cut(text, Math.floor(room));
  if (fits) made(parent, "text", {class: kind, x, y}, fits);
}

// --- things: what can be pointed at, focused and pressed ----------------------------------------------------

function thing(parent, box, label, tell, act) {
  const element = made(parent, "g", {class: "thing", tabindex: -1, role: "button", "aria-label": label});
  const one = {...box, element, tell, act, number: things.length};
  element.addEventListener("mouseenter", () => { if (pinned === null) tell(); });
  element.addEventListener("focus", () => { choose(one.number); tell(); });
  element.addEventListener("click", event => { event.stopPropagation(); tell(); pinned = pinned === label ? null : label; act(); });
  element.addEventListener("keydown", event => {
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); tell(); act(); }
  });
  things.push(one);
  return element;
}

function choose(number) {
  if (things[current]) things[current].element.setAttribute("tabindex", -1);
  current = Math.min(number, things.length - 1);
  if (things[current]) things[current].element.setAttribute("tabindex", 0);
}

// The nearest thing in a direction; what is straight ahead counts before what is aside.
function nearest(from, dx, dy) {
  let best = null, least = Infinity;
  for (const one of things) {
    const ahead = dx ? dx * (one.x - from.x) : dy * (one.y - from.y);
    if (one === from || ahead <= 0.5) continue;
    const aside = dx ? Math.abs(one.y - from.y) : Math.abs(one.x - from.x);
    const far = ahead + 3 * aside;
    if (far < least) { least = far; best = one; }
  }
  return best;
}

const ARROWS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
picture.addEventListener("keydown", event => {
  const way = ARROWS[event.key], from = things[current];
  if (!way || !from) return;
  event.preventDefault();
  const next = nearest(from, ...way);
  if (next) next.element.focus();
});

// --- what is said of a call or a band -----------------------------------------------------------------------

function chain(band) {
  const found = [];
  for (let at = band; at >= 0; at = data.bands[at].up) found.push(data.bands[at]);
  return found.reverse();
}

function prompt(bands) {
  if (!bands.some(band => band.parts.length)) return;
  html(says, "h3", "prompt");
  const box = html(says, "div", undefined, "prompt");
  for (const band of bands) for (const [kind, , , text] of band.parts) {
    const span = html(box, "span", text, kind === "text" ? "" : "in-" + kind + "-text");
    span.style.background = `var(--${band.color})`;
  }
}

function line(name, text) {
  if (!text) return;
  html(says, "h3", name);
  html(says, "code", text);
}

function numbers(rows) {
  const table = html(says, "table");
  for (const [name, number] of rows) {
    const row = html(table, "tr");
    html(row, "td", name, "note");
    html(row, "td", number, "number");
  }
}

function start(title) {
  says.replaceChildren();
  says.scrollTop = 0;
  html(says, "h2", title);
}

function tellCall(number) {
  const row = data.rows[number];
  start(row.name);
  if (row.line) html(says, "code", row.line);
  numbers([[`prompt, ${data.unit}`, row.size], ["of it shared", row.shared], ...(row.ran || [])]);
  line("asks for", row.options);
  line("why it shares no more", row.why);
  line("to share more", row.fix);
  line("missed in the cache", row.missed);
  line("hints", row.hints);
  line("came", row.came);
  if (row.band >= 0) prompt(chain(row.band));
}

function tellBand(number) {
  const band = data.bands[number];
  if (band.color === "own") return tellCall(band.top);
  start(band.says);
  prompt([band]);
  html(says, "h3", "calls");
  const shown = Math.min(band.bottom, band.top + 20);
  for (let row = band.top; row < shown; row++) html(says, "div", data.rows[row].name);
  if (shown < band.bottom) html(says, "div", `and ${band.bottom - shown} more`, "note");
}

// --- tabs, search and legend --------------------------------------------------------------------------------

function matches(number) {
  const text = find.value.trim().toLowerCase();
  if (!text) return null;
  const row = data.rows[number];
  return (row.text ||= [row.name, row.line, row.options, ...(row.band < 0 ? [] : data.bands[row.band].parts.map(part => part[3]))]
    .join("\n").toLowerCase()).includes(text);
}

function mark(element, found) {
  if (found !== null) element.classList.add(found ? "found" : "dim");
}

function patch(kinds, says) {
  const item = html($("legend"), "span"), svg = made(item, "svg", {"aria-hidden": "true", width: 24, height: 14});
  for (const kind of kinds) made(svg, "rect", {class: kind, x: 1, y: 1, width: 22, height: 12});
  item.append(says);
}

function draw() {
  things = [];
  picture.replaceChildren();
  picture.removeAttribute("viewBox");
  view.draw();
  choose(current);
}

function show(name) {
  view = views[name];
  current = 0;
  pinned = null;
  for (const tab of document.querySelectorAll("[role=tab]")) {
    tab.setAttribute("aria-selected", tab.id === "tab-" + name);
    tab.tabIndex = tab.id === "tab-" + name ? 0 : -1;
  }
  $("view").setAttribute("aria-labelledby", "tab-" + name);
  picture.setAttribute("aria-label", view.title);
  $("legend").replaceChildren();
  for (const [kinds, text] of view.legend) patch(kinds, text);
  $("buttons").replaceChildren();
  for (const [id, text, act] of view.buttons) {
    const button = html($("buttons"), "button", text);
    button.id = id;
    button.addEventListener("click", act);
  }
  draw();
  scroller.scrollTo(0, 0);
  if (things.length) things[0].tell();
}

function begin() {
  for (const name in views) {
    const tab = html($("tabs"), "button", views[name].title);
    tab.id = "tab-" + name;
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", "view");
    tab.addEventListener("click", () => show(name));
    tab.addEventListener("keydown", event => {
      const next = {ArrowRight: tab.nextSibling, ArrowLeft: tab.previousSibling}[event.key];
      if (next) { next.focus(); next.click(); }
    });
  }
  find.addEventListener("input", draw);
  document.addEventListener("keydown", event => {
    if (event.key === "Escape") { find.value = ""; pinned = null; view.all(); }
    if (event.key === "/" && event.target !== find) { event.preventDefault(); find.focus(); }
  });
  scroller.addEventListener("click", () => { pinned = null; });
  window.addEventListener("resize", draw);
  const asked = location.hash.slice(1);
  show(views[asked] ? asked : Object.keys(views)[0]);
}

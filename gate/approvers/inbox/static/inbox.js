// Everything works without this file: forms post, pages reload. It adds what a page that stays open needs: news, a clock, and keys that move
// the focus. It decides nothing: an answer is a form, posted by the person who presses its button.
"use strict";

document.body.classList.add("js");
const say = (text) => { document.getElementById("live").textContent = text; };
const page = document.body.dataset;
let behind = Number(page.now || 0) - Date.now() / 1000; // the gate's clock is the one that counts

// ---- news: the list of what waits is asked for again whenever something was asked or answered
let turn = page.turn, waiting = Number(page.waiting || 0), asking = false;
async function refresh(count) {
  const list = document.getElementById("waiting");
  if (!list || asking) return;
  asking = true;
  try {
    const reply = await fetch(list.dataset.from, { headers: { "x-inbox": "list" } });
    if (!reply.ok) return void (location.href = location.pathname); // signed out
    const fresh = new DOMParser().parseFromString(await reply.text(), "text/html").getElementById("waiting");
    const focused = document.activeElement?.closest?.("#waiting a")?.getAttribute("href");
    const here = list.querySelector("a[aria-current]")?.getAttribute("href");
    list.replaceChildren(...fresh.childNodes);
    list.querySelector(`a[href="${CSS.escape(here || "")}"]`)?.setAttribute("aria-current", "page");
    for (const link of list.querySelectorAll("a")) {
      if (here && link.getAttribute("href") === here) link.setAttribute("aria-current", "page");
      if (focused && link.getAttribute("href") === focused) link.focus();
    }
    tick();
  } finally { asking = false; }
  if (count !== waiting) say(count > waiting ? `New question. ${count} waiting.` : `${count} waiting.`);
  waiting = count;
  document.title = document.title.replace(/^(\(\d+\) )?/, count ? `(${count}) ` : "");
  const state = document.getElementById("state");
  if (state) check(state);
}

// ---- the question on this page may end or change while somebody reads it: then say so, and take the buttons away
async function check(state) {
  const reply = await fetch(state.dataset.from, { headers: { "x-inbox": "state" } });
  if (!reply.ok) return;
  const now = await reply.json();
  if (now.turn === Number(state.dataset.turn)) return;
  if (state.dataset.over !== undefined) return since(state.dataset, now); // it was answered before this page was made, perhaps by its reader
  if (sending) return;
  const notice = document.getElementById("changed");
  if (!notice.hidden) return;
  notice.hidden = false;
  for (const button of document.querySelectorAll("main form button")) button.disabled = true;
  say("This question changed while you read it. Load it again.");
}

function since(data, now) {
  const line = document.getElementById("since");
  if (!line || !now.said || now.state === data.over) return;
  data.over = now.state;
  line.textContent = `Since then: ${now.said}.`;
  line.hidden = false;
  say(line.textContent);
}

// whoever has just pressed a button knows why the question changes
let sending = false;
document.addEventListener("submit", (event) => { if (!event.defaultPrevented) sending = true; });
addEventListener("pageshow", () => { sending = false; });

if (page.events) {
  const source = new EventSource(page.events);
  source.addEventListener("turn", (event) => {
    const news = JSON.parse(event.data);
    if (String(news.turn) === turn) return;
    turn = String(news.turn);
    refresh(news.waiting);
  });
}

// ---- the clock: how long is left, with a warning at a half and at nine tenths of the time
const told = new WeakMap();
function left(seconds) {
  if (seconds <= 0) return "no time";
  if (seconds <= 90) return `${Math.ceil(seconds)} s`;
  return seconds < 5400 ? `${Math.ceil(seconds / 60)} min` : `${Math.ceil(seconds / 3600)} h`;
}
function tick() {
  const now = Date.now() / 1000 + behind;
  for (const time of document.querySelectorAll("time[data-until]")) {
    const until = Number(time.dataset.until), from = Number(time.dataset.from), gone = (now - from) / (until - from);
    const text = left(until - now);
    if (time.textContent !== text) time.textContent = text;
    const stage = gone >= 1 ? 3 : gone >= 0.9 ? 2 : gone >= 0.5 ? 1 : 0;
    time.dataset.stage = String(stage);
    if (!time.dataset.announce) continue;
    if (told.has(time) && told.get(time) < stage) {
      say(stage === 3 ? "The time is over: this counts as a no." : `${stage === 2 ? "Nine tenths" : "Half"} of the time is over. ${text} left.`);
    }
    told.set(time, stage);
    if (stage === 3) over();
  }
}
function over() { // late, a yes is none: its form goes; a no may still say why
  const late = document.getElementById("late");
  if (!late || !late.hidden) return;
  late.hidden = false;
  for (const form of document.querySelectorAll("#approve, #ask-back, #hand-over")) form.hidden = true;
  for (const link of document.querySelectorAll(".answer details")) link.hidden = true;
}
tick();
setInterval(tick, 1000);

// ---- keys: they move the focus, Enter decides; they can be turned off (WCAG 2.1.4)
const keysOn = () => localStorage.getItem("keys") !== "off";
const help = document.getElementById("help");
const toggle = document.getElementById("keys");
if (toggle) {
  toggle.checked = keysOn();
  toggle.addEventListener("change", () => localStorage.setItem("keys", toggle.checked ? "on" : "off"));
}
document.getElementById("show-help")?.addEventListener("click", (event) => { event.preventDefault(); help.showModal(); });

const to = (element) => { element?.focus(); element?.scrollIntoView({ block: "nearest" }); return Boolean(element); };
const places = {
  a: () => to(document.querySelector("#approve input[name=number]")) || to(document.querySelector("#approve button")),
  d: () => to(document.querySelector("#deny button")),
  r: () => to(document.querySelector("#deny input[name=reason]")),
  h: () => to(document.querySelector("main h2")),
  j: () => step(1),
  k: () => step(-1),
};
function step(by) {
  const links = [...document.querySelectorAll("#waiting a")];
  const at = links.indexOf(document.activeElement);
  const current = at >= 0 ? at : links.findIndex((link) => link.hasAttribute("aria-current"));
  return to(links[Math.min(Math.max(current + by, 0), links.length - 1)]);
}
document.addEventListener("keydown", (event) => {
  if (!keysOn() || event.ctrlKey || event.metaKey || event.altKey || help?.open) return;
  if (event.target.matches("input:not([type=radio]):not([type=checkbox]), textarea, select")) return;
  if (event.key === "?" && help) { help.showModal(); event.preventDefault(); }
  else if (Object.hasOwn(places, event.key) && places[event.key]()) event.preventDefault();
});

// Enter in a field of a form that says yes leads to its button, which says what it does; pressing that decides.
for (const form of document.querySelectorAll("#approve, #batch")) {
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.target.matches("input")) return;
    event.preventDefault();
    to(form.querySelector("button.approve"));
    say("Press Enter on the button to approve.");
  });
}

// ---- where a reader of the screen begins: at the headline, or at what came of the answer
const start = document.querySelector("[data-focus]");
if (start && !location.hash) start.focus({ preventScroll: true });

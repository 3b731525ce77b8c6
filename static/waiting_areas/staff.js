/* What staff see of waiting areas: the live lists, and what tells of somebody new. The entry of those pages. */

import { wantedMedia, wantMedia } from "../calls/devices.js";
import { startLiveList } from "../core/live-list.js";
import { showToast } from "../core/toast.js";
import { Alerts } from "./alerts.js";
import { StaffSocket } from "./staff-socket.js";
import { badged, serverNow, waited } from "./waits.js";

const GATHER = 100; // ms: several news of one moment are one look
const TICK = 1_000; // ms

const plainTitle = document.title;
const list = () => document.getElementById("live-list");
const phrases = () => document.getElementById("options")?.dataset ?? {};
const live = startLiveList({ list: "live-list", search: "find" });
const alerts = new Alerts();

let gathering = 0;
function refresh() {
  clearTimeout(gathering);
  gathering = setTimeout(live.refresh, GATHER);
}

/** The name of an area, where this page shows it; a page about one area shows its own. */
function nameOf(area) {
  const link = document.querySelector(`a.area-name[href*="${CSS.escape(area)}"]`);
  return link?.textContent ?? (location.pathname.includes(area) ? document.querySelector("h1")?.textContent : null) ?? "…";
}

/** A page about one area has nothing to read again for another. */
const shows = (area) => [undefined, area].includes(list()?.dataset.area);

function tell(phrase, area) {
  if (alerts.wanted && phrase) alerts.tell(phrase.replace("{area}", nameOf(area)), location.href);
}

new StaffSocket({
  watching: refresh,
  changed: (area) => shows(area) && refresh(),
  arrived: (area) => tell(phrases().arrived, area),
  replied: (area) => tell(phrases().replied, area),
}).open();

// --- Waiting times go on, and the tab says how many wait

let clock = { server: 0, at: 0 };

function readClock() {
  const server = Number(list()?.dataset.now ?? 0);
  if (server) clock = { server, at: Date.now() };
  const waiting = (list()?.dataset.waiting ?? "").split(" ").reduce((sum, number) => sum + Number(number), 0);
  document.title = badged(plainTitle, waiting);
}

function tick() {
  const now = serverNow(clock, Date.now());
  for (const time of document.querySelectorAll("time[data-since]")) {
    time.textContent = waited(now - Number(time.dataset.since));
  }
}

function show() {
  readClock();
  tick();
}

show();
setInterval(tick, TICK);
document.addEventListener("htmx:afterSettle", show);

// --- Options of this device

function startOptions() {
  const options = document.getElementById("options");
  if (!options) return;
  options.hidden = false;
  const part = (id) => /** @type {HTMLInputElement} */ (document.getElementById(id));
  part("alerts").checked = alerts.wanted;
  part("alerts").addEventListener("change", async () => {
    alerts.wanted = part("alerts").checked;
    if (alerts.wanted && !(await alerts.mayNotify())) showToast(options.dataset.refused ?? "", "error");
  });
  part("test-alert").addEventListener("click", async () => {
    await alerts.mayNotify();
    alerts.tell(options.dataset.test ?? "", location.href);
  });
  const wanted = wantedMedia();
  for (const name of ["camera", "microphone"]) {
    part(`${name}-on`).checked = wanted[name];
    part(`${name}-on`).addEventListener("change", () => wantMedia({ [name]: part(`${name}-on`).checked }));
  }
}

startOptions();

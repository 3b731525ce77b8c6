/**
 * What the page says in place of the pictures (why there are none, and the next step), and the banner over them. The
 * words are in templates, so that what is not shown is not in the page.
 */

import { waitsForMember } from "./call-state.js";

/** @import { CallState } from "./call-state.js" */

const OUTCOMES = new Set([
  "left", "taken_over", "removed", "not_allowed", "member_ended", "nobody_joined", "time_up", "empty", "closed",
]);

/**
 * @param {CallState} state
 * @param {number} others who are shown
 * @returns {string | null} the notice's name
 */
export function noticeFor(state, others) {
  if (state.phase === "over") return OUTCOMES.has(state.over) ? state.over : "unsupported";
  if (state.phase === "full") return "full";
  if (others) return null;
  if (state.phase === "joining" || state.version === 0) return "joining";
  return waitsForMember(state) ? "waiting" : "alone";
}

/** Puts what the template of that name holds into the place, unless it is there. @returns {boolean} whether it changed */
function fill(place, kind, name) {
  if ((place.dataset[kind] ?? "") === (name ?? "")) return false;
  place.dataset[kind] = name ?? "";
  const template = name && document.querySelector(`template[data-${kind}="${name}"]`);
  place.replaceChildren(...(template ? [template.content.cloneNode(true)] : []));
  return true;
}

/** @param {string | null} name @param {boolean} isFinal whether nothing else is on the page any more */
export function showNotice(name, isFinal) {
  const place = document.getElementById("notice");
  if (fill(place, "notice", name) && isFinal) place.querySelector("h2")?.focus();
}

/** @param {string} name "" for none. @param {() => void} pressed its button, if it has one */
export function showBanner(name, pressed) {
  const place = document.getElementById("stage-banner");
  if (fill(place, "banner", name)) place.querySelector("button")?.addEventListener("click", pressed);
}

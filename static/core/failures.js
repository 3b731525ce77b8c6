/* What htmx was asked for by a press and could not bring: a banner says so, or the press would look as if it had never
   been. What a page asks for by itself (a list each few seconds, an opened panel) is asked for again, or says it itself. */

import { showToast } from "./toast.js";

/** Of events: who pressed. htmx gives no event to what it asks for at intervals. */
const PRESSES = new Set(["click", "submit"]);

/**
 * @param {{ requestConfig?: { triggeringEvent?: Event }, xhr: XMLHttpRequest }} detail of htmx:sendError and the like
 * @returns {boolean} whether somebody pressed something and has been told nothing: an answer may bring its own banner
 */
export function isUntold({ requestConfig, xhr }) {
  return PRESSES.has(requestConfig?.triggeringEvent?.type ?? "") && !xhr.getResponseHeader("HX-Trigger");
}

/**
 * The words are those of `#toasts`: no network, and no answer that can be shown. A live list has its own for the second.
 *
 * @returns {{ destroy: () => void }}
 */
export function startFailures() {
  const stop = new AbortController();
  const tell = (words) => (event) => {
    if (isUntold(/** @type {CustomEvent} */ (event).detail)) showToast(words() ?? "", "error");
  };
  const { dataset } = /** @type {HTMLElement} */ (document.getElementById("toasts"));
  const unreached = tell(() => dataset.unreached);
  for (const kind of ["htmx:sendError", "htmx:timeout"]) document.addEventListener(kind, unreached, { signal: stop.signal });
  document.addEventListener(
    "htmx:responseError",
    tell(() => document.getElementById("dialogs")?.dataset.failed ?? dataset.failed),
    { signal: stop.signal },
  );
  return { destroy: () => stop.abort() };
}

/* The list of Meeting Rooms: "/" goes to the search; the live list holds still while somebody acts in it. */

import { showToast } from "../core/toast.js";

/** @returns {boolean} whether a menu or a dialog is open, which a new list would take away */
const isBusy = () => document.querySelector(":popover-open, dialog[open]") !== null;

/** @param {Element} element @returns {boolean} */
const isTyping = (element) => element.matches("input, textarea, select, [contenteditable]");

/**
 * @returns {{ destroy: () => void }}
 */
export function startList() {
  const stop = new AbortController();
  const { signal } = stop;
  const search = /** @type {HTMLInputElement} */ (document.getElementById("room-search"));
  const dialogs = /** @type {HTMLElement} */ (document.getElementById("dialogs"));
  const refresh = () => document.getElementById("room-list")?.dispatchEvent(new Event("refresh"));

  document.addEventListener(
    "keydown",
    (event) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
      if (isBusy() || isTyping(/** @type {Element} */ (event.target))) return;
      event.preventDefault();
      search.focus();
    },
    { signal },
  );
  document.addEventListener(
    "htmx:beforeRequest",
    (event) => {
      const { elt } = /** @type {CustomEvent<{ elt: Element }>} */ (event).detail;
      if (elt.id === "room-list" && (document.hidden || isBusy())) event.preventDefault();
    },
    { signal },
  );
  document.addEventListener(
    "htmx:responseError",
    (event) => {
      const { elt, xhr } = /** @type {CustomEvent<{ elt: Element, xhr: XMLHttpRequest }>} */ (event).detail;
      if (elt.id === "room-list" || xhr.getResponseHeader("HX-Trigger")) return;
      for (const dialog of dialogs.querySelectorAll("dialog")) dialog.close();
      showToast(dialogs.dataset.failed ?? "", "error");
      refresh();
    },
    { signal },
  );
  // The room whose menu led to the dialog: a dialog that took another's place does not know it, and the list may be new.
  let room = "";
  document.addEventListener(
    "click",
    (event) => {
      const menu = /** @type {Element} */ (event.target).closest(".room-row [data-menu]");
      if (menu) room = menu.id.replace("menu-", "room-");
    },
    { signal, capture: true },
  );
  // What happened in the dialog may show in the list. `close` does not bubble: it is caught on its way down.
  dialogs.addEventListener(
    "close",
    () => setTimeout(() => {
      document.getElementById(room)?.focus();
      refresh();
    }),
    { signal, capture: true },
  );
  document.addEventListener("visibilitychange", refresh, { signal });
  return { destroy: () => stop.abort() };
}

startList();

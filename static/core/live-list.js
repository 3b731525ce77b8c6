/* A list that is kept up to date by htmx: "/" goes to its search, and it holds still while somebody acts in it. */

/** @returns {boolean} whether a menu or a dialog is open, which a new list would take away */
const isBusy = () => document.querySelector(":popover-open, dialog[open]") !== null;

/** @param {Element} element @returns {boolean} */
const isTyping = (element) => element.matches("input, textarea, select, [contenteditable]");

/**
 * `list` listens to "refresh" (hx-trigger). The menus of its rows lead to dialogs, which htmx puts into `#dialogs`; the
 * button with `popovertarget="menu-x"` has the focus again when they close.
 *
 * @param {{ list: string, search: string }} ids of elements
 * @returns {{ refresh: () => void, destroy: () => void }}
 */
export function startLiveList({ list, search }) {
  const stop = new AbortController();
  const { signal } = stop;
  const dialogs = document.getElementById("dialogs");
  const refresh = () => document.getElementById(list)?.dispatchEvent(new Event("refresh"));

  document.addEventListener(
    "keydown",
    (event) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
      if (isBusy() || isTyping(/** @type {Element} */ (event.target))) return;
      event.preventDefault();
      document.getElementById(search)?.focus();
    },
    { signal },
  );
  document.addEventListener(
    "htmx:beforeRequest",
    (event) => {
      const { elt } = /** @type {CustomEvent<{ elt: Element }>} */ (event).detail;
      if (elt.id === list && (document.hidden || isBusy())) event.preventDefault();
    },
    { signal },
  );
  document.addEventListener(
    "htmx:responseError",
    (event) => {
      const { elt, xhr } = /** @type {CustomEvent<{ elt: Element, xhr: XMLHttpRequest }>} */ (event).detail;
      if (elt.id === list || xhr.getResponseHeader("HX-Trigger")) return;
      for (const dialog of dialogs?.querySelectorAll("dialog") ?? []) dialog.close(); // failures.js says why
      refresh();
    },
    { signal },
  );
  // Whose menu led to the dialog: a dialog that took another's place does not know it, and the list may be new.
  let menu = "";
  document.addEventListener(
    "click",
    (event) => {
      const chosen = /** @type {Element} */ (event.target).closest(`#${list} [data-menu]`);
      if (chosen) menu = chosen.id;
    },
    { signal, capture: true },
  );
  // What happened in the dialog may show in the list. `close` does not bubble: it is caught on its way down.
  dialogs?.addEventListener(
    "close",
    () => setTimeout(() => {
      /** @type {HTMLElement | null} */ (document.querySelector(`[popovertarget="${CSS.escape(menu)}"]`))?.focus();
      refresh();
    }),
    { signal, capture: true },
  );
  document.addEventListener("visibilitychange", refresh, { signal });
  return { refresh, destroy: () => stop.abort() };
}

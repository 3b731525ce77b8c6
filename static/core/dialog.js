/* Dialogs are the browser's own <dialog class="dialog">: it keeps the focus inside and closes on Escape.

     <button data-opens="confirm-1">…</button>
     <dialog class="dialog" id="confirm-1" aria-labelledby="…"> … <button data-closes>Cancel</button></dialog>

   A <dialog data-open-now> that htmx swaps into the page opens at once and is taken away when it closes. */

/**
 * Opens over the page. From a menu, the menu is closed first, so that the focus comes back to its button.
 *
 * @param {HTMLDialogElement} dialog
 */
export function openDialog(dialog) {
  const menu = document.activeElement?.closest("[popover]");
  if (menu instanceof HTMLElement) menu.hidePopover();
  if (!dialog.open) dialog.showModal();
}

/**
 * Starts the dialogs of the page, those that come later included.
 *
 * @returns {{ destroy: () => void }}
 */
export function startDialogs() {
  const stop = new AbortController();
  const { signal } = stop;
  document.addEventListener(
    "click",
    (event) => {
      if (!(event.target instanceof Element)) return;
      const opener = event.target.closest("[data-opens]");
      const dialog = opener && document.getElementById(opener.getAttribute("data-opens") ?? "");
      if (dialog instanceof HTMLDialogElement) openDialog(dialog);
      const closer = event.target.closest("dialog [data-closes]");
      if (closer) closer.closest("dialog")?.close();
    },
    { signal },
  );
  // Pressed and released on the backdrop: text selected in a field may end there without closing anything.
  /** @type {EventTarget | null} */
  let pressed = null;
  document.addEventListener("pointerdown", (event) => (pressed = event.target), { signal });
  document.addEventListener(
    "click",
    (event) => {
      const dialog = event.target;
      if (!(dialog instanceof HTMLDialogElement) || pressed !== dialog) return;
      const box = dialog.getBoundingClientRect();
      const inside =
        event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
      if (!inside) dialog.close();
    },
    { signal },
  );
  document.addEventListener(
    "htmx:load",
    (event) => {
      const arrived = /** @type {Element} */ (event.target);
      const dialog = arrived.matches("dialog[data-open-now]") ? arrived : arrived.querySelector("dialog[data-open-now]");
      if (!(dialog instanceof HTMLDialogElement)) return;
      dialog.addEventListener("close", () => dialog.remove(), { signal });
      openDialog(dialog);
    },
    { signal },
  );
  return { destroy: () => stop.abort() };
}

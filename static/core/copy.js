/* Copying a link, and saying that it was copied. */

import { showToast } from "./toast.js";

/**
 * @param {string} text
 * @returns {boolean}
 */
function copyBySelection(text) {
  const field = document.createElement("textarea");
  field.value = text;
  field.readOnly = true;
  field.className = "visually-hidden";
  const holder = document.querySelector("dialog[open]") ?? document.body; // outside a modal dialog nothing can be selected
  const focused = /** @type {HTMLElement | null} */ (document.activeElement);
  holder.append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  focused?.focus();
  return copied;
}

/**
 * Copies by the clipboard's own interface, or, on plain http and in old browsers, by a selection.
 *
 * @param {string} text
 * @returns {Promise<boolean>} whether it is on the clipboard now
 */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

/**
 * Every `<button data-copy="text" data-copied="Meeting room link copied">` of the page, those that come later
 * included. When the browser refuses, the banner shows the text itself, to be copied by hand.
 *
 * @returns {{ destroy: () => void }}
 */
export function startCopyButtons() {
  const stop = new AbortController();
  document.addEventListener(
    "click",
    async (event) => {
      const button = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-copy]"));
      if (!button) return;
      const text = button.dataset.copy ?? "";
      if (await copyText(text)) showToast(button.dataset.copied ?? "");
      else showToast(text, "error");
    },
    { signal: stop.signal },
  );
  return { destroy: () => stop.abort() };
}

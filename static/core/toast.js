/* Banners in the live region of base.html: they say what happened, and never ask anything. */

/** Milliseconds a banner stays. One that says something went wrong stays until it is closed (WCAG 2.2.1). */
const STAY = 8000;

/**
 * @typedef {"success" | "error"} Kind
 */

/** @returns {HTMLElement} */
function region() {
  const found = document.getElementById("toasts");
  if (!found) throw new Error("The page has no #toasts region: does it extend base.html?");
  return found;
}

/**
 * @param {Kind} kind
 * @param {string} text
 * @returns {HTMLElement}
 */
function build(kind, text) {
  const template = /** @type {HTMLTemplateElement} */ (document.getElementById("toast-template"));
  const banner = /** @type {HTMLElement} */ (template.content.firstElementChild?.cloneNode(true));
  banner.classList.add(`banner-${kind}`);
  for (const part of banner.querySelectorAll("[data-when]")) {
    if (part.getAttribute("data-when") !== kind) part.remove();
  }
  /** @type {HTMLElement} */ (banner.querySelector("[data-text]")).textContent = text;
  return banner;
}

/**
 * Takes the banner away after a while; the clock stands still while it is pointed at or holds the focus.
 *
 * @param {HTMLElement} banner
 */
function expire(banner) {
  let timer = 0;
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(() => (banner.matches(":hover, :focus-within") ? wait() : banner.remove()), STAY);
  };
  for (const kind of ["pointerleave", "focusout"]) banner.addEventListener(kind, wait);
  wait();
}

/**
 * Shows a banner and has it read out.
 *
 * @param {string} text what happened, in plain words, already translated
 * @param {Kind} [kind]
 */
export function showToast(text, kind = "success") {
  const banner = build(kind, text);
  region().append(banner);
  if (kind === "success") expire(banner);
}

/**
 * Adopts the messages the server wrote into the page, closes banners by their button, and shows those that an htmx
 * answer asks for by `HX-Trigger: {"toast": {"text": "…", "kind": "success"}}`.
 *
 * @returns {{ destroy: () => void }}
 */
export function startToasts() {
  const stop = new AbortController();
  const { signal } = stop;
  for (const written of region().querySelectorAll("[data-toast]")) {
    const failed = written.matches(".banner-error, .banner-warning");
    const text = written.querySelector("p")?.textContent ?? "";
    written.remove();
    // Put in anew: a live region says what is added to it, not what it came with.
    requestAnimationFrame(() => showToast(text, failed ? "error" : "success"));
  }
  document.addEventListener(
    "click",
    (event) => {
      const button = /** @type {Element} */ (event.target).closest("[data-toast] [data-dismiss]");
      button?.closest("[data-toast]")?.remove();
    },
    { signal },
  );
  document.addEventListener(
    "toast",
    (event) => {
      const { text, kind } = /** @type {CustomEvent<{ text: string, kind?: Kind }>} */ (event).detail;
      showToast(text, kind);
    },
    { signal },
  );
  return { destroy: () => stop.abort() };
}

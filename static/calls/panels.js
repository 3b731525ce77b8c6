/**
 * The panels beside the stage, one at a time. A panel is markup, so that a place kind's template can bring its own:
 *
 *     {% block panels %} <aside class="panel" data-panel="invite" aria-labelledby="invite-heading" hidden>…</aside>
 *     {% block more %}   <button role="menuitem" type="button" data-opens-panel="invite">…</button>
 *
 * The focus goes to its `[data-panel-focus]`, otherwise to its heading (an h2 with tabindex="-1"); `[data-closes-panel]`
 * in it and Escape close it, and the focus goes back to where it was opened from. `panel:opened` and `panel:closed` are
 * sent to it: htmx may ask for its content by hx-trigger="panel:opened from:closest [data-panel]". htmx itself is fetched
 * with the first panel that wants it: a tenth of the page's weight, for what many calls never open. Where either cannot
 * be had, the panel says so in place of its content, with a button that tries again.
 */

/** What a panel asks for when it opens: once it is there, this is gone. */
const FETCHED = '[hx-trigger^="panel:opened"]';
const FAILURES = ["htmx:sendError", "htmx:responseError", "htmx:timeout"];

/** An item of a menu is gone with its menu: then the menu's button. */
function wayBack(opener) {
  const menu = opener.closest("[popover]");
  return menu ? document.querySelector(`[popovertarget="${CSS.escape(menu.id)}"]`) : opener;
}

/** @type {Promise<void> | null} */
let fetching = null;

/** @returns {Promise<void>} when htmx knows the page; rejects where it cannot be had: the next opening tries again */
function withHtmx() {
  fetching ??= new Promise((resolve, reject) => {
    const script = document.getElementById("htmx-script").content.querySelector("script").cloneNode();
    script.addEventListener("load", () => resolve(globalThis.htmx.process(document.body)));
    script.addEventListener("error", () => {
      fetching = null;
      script.remove();
      reject(new Error("htmx could not be fetched"));
    });
    document.head.append(script);
  });
  return fetching;
}

export class Panels {
  #shown = null;
  #opener = null;
  #restore = null;

  /**
   * @param {(name: string | null) => void} wanted by the person; `render` then shows it
   * @param {AbortSignal} signal
   */
  constructor(wanted, signal) {
    document.addEventListener("click", ({ target }) => {
      const opener = target.closest?.("[data-opens-panel]");
      if (opener) {
        const name = opener.dataset.opensPanel;
        const closes = name === this.#shown && opener.hasAttribute("aria-pressed");
        this.#opener = wayBack(opener);
        wanted(closes ? null : name);
        if (!closes) this.#focus(name);
      } else if (target.closest?.("[data-closes-panel]")) {
        wanted(null);
      }
    }, { signal });
    for (const kind of FAILURES) {
      document.addEventListener(kind, ({ detail: { elt, requestConfig } }) => {
        if (requestConfig?.triggeringEvent?.type === "panel:opened") this.#failed(elt);
      }, { signal });
    }
  }

  /** @param {string | null} name of the one that is open */
  render(name) {
    if (name === this.#shown) return;
    const former = this.#panel(this.#shown);
    this.#shown = name;
    for (const panel of document.querySelectorAll("[data-panel]")) {
      if (panel !== former) panel.hidden = panel.dataset.panel !== name;
    }
    for (const button of document.querySelectorAll("[data-opens-panel][aria-pressed]")) {
      button.setAttribute("aria-pressed", String(button.dataset.opensPanel === name));
    }
    if (former) {
      const hadFocus = former.contains(document.activeElement);
      former.hidden = true;
      if (!name && hadFocus) this.#opener?.focus();
      former.dispatchEvent(new CustomEvent("panel:closed", { bubbles: true }));
    }
    if (name) this.#opened(name);
  }

  async #opened(name) {
    const panel = this.#panel(name);
    const content = panel?.querySelector(FETCHED);
    this.#restore?.();
    if (panel?.querySelector("[hx-get], [hx-post]")) {
      try {
        await withHtmx();
      } catch {
        if (content) this.#failed(content);
        return;
      }
    }
    if (this.#shown === name) panel?.dispatchEvent(new CustomEvent("panel:opened", { bubbles: true }));
  }

  /** @param {Element} content what was to be fetched: it holds the notice until that is tried again */
  #failed(content) {
    this.#restore?.();
    const former = [...content.childNodes];
    const notice = document.getElementById("panel-failed").content.firstElementChild.cloneNode(true);
    this.#restore = () => {
      this.#restore = null;
      content.replaceChildren(...former);
    };
    notice.querySelector("button").addEventListener("click", () => {
      const name = this.#shown;
      this.#focus(name); // the button goes
      this.#opened(name);
    });
    content.replaceChildren(notice);
  }

  #panel(name) {
    return name && document.querySelector(`[data-panel="${CSS.escape(name)}"]`);
  }

  #focus(name) {
    const panel = this.#panel(name);
    (panel?.querySelector("[data-panel-focus]") ?? panel?.querySelector("h2"))?.focus();
  }
}

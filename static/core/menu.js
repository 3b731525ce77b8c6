/* Action menus, as the ARIA Authoring Practices describe a menu button:

     <button popovertarget="menu-1" aria-haspopup="menu" aria-expanded="false">…</button>
     <div class="menu" id="menu-1" popover data-menu><div role="menu" aria-label="…">… role="menuitem" or "menuitemcheckbox" …</div></div>

   An item may itself be such a button: its menu stands inside this one, opened and closed by the right and left arrow.
   The browser opens, closes (Escape, a click elsewhere) and gives the focus back, without script too. This adds the
   place beside the button, the arrows, Home, End and typing the first letters. */

/** Milliseconds between letters that still make one word. */
const TYPING = 600;

/** Pixels kept free between the menu and its button, and the window's edge. */
const GAP = 4;

const OPENS_SUBMENU = '[role="menuitem"][aria-haspopup="menu"]';

/** @param {HTMLElement} menu @returns {HTMLElement[]} those that are there now */
const itemsOf = (menu) =>
  [.../** @type {NodeListOf<HTMLElement>} */ (menu.querySelectorAll('[role^="menuitem"]:not([hidden])'))].filter(
    (item) => menuAround(item) === menu, // those of a submenu are its own
  );

/** @param {HTMLElement} menu @returns {HTMLElement | null} */
const buttonOf = (menu) => document.querySelector(`[popovertarget="${CSS.escape(menu.id)}"]`);

/** @param {EventTarget | null} target @returns {HTMLElement | null} */
const menuAround = (target) => (target instanceof Element ? target.closest("[data-menu]") : null);

/**
 * Where a menu stands: under its button, its end at the button's end, where that fits; else above it; else as far down
 * as the window lets it be seen whole, over the button (it scrolls where it is taller than the window).
 *
 * @param {{ left: number, right: number, top: number, bottom: number }} button in the window
 * @param {{ width: number, height: number }} menu
 * @param {{ width: number, height: number }} view the window
 * @returns {{ left: number, top: number }} in the window
 */
export function placeBeside(button, menu, view) {
  const left = button.right - menu.width > GAP ? button.right - menu.width : button.left;
  const under = button.bottom + GAP;
  const above = button.top - GAP - menu.height;
  const lowest = view.height - menu.height - GAP;
  const top = under <= lowest ? under : above >= GAP ? above : lowest;
  return { left: Math.max(GAP, Math.min(left, view.width - menu.width - GAP)), top: Math.max(GAP, top) };
}

/**
 * @param {HTMLElement} menu
 * @param {HTMLElement} button
 */
function place(menu, button) {
  menu.dataset.placed = "";
  const { left, top } = placeBeside(
    button.getBoundingClientRect(),
    { width: menu.offsetWidth, height: menu.offsetHeight },
    { width: document.documentElement.clientWidth, height: window.innerHeight },
  );
  menu.style.left = `${left + window.scrollX}px`;
  menu.style.top = `${top + window.scrollY}px`;
}

/**
 * @param {HTMLElement} menu
 * @param {boolean} open
 */
function follow(menu, open) {
  const button = buttonOf(menu);
  button?.setAttribute("aria-expanded", String(open));
  if (!open) return;
  if (button) place(menu, button);
  const items = itemsOf(menu);
  moveTo(items[0], items);
}

/**
 * The focus, and the one place of the menu in the order of the tab key.
 *
 * @param {HTMLElement | undefined} item
 * @param {HTMLElement[]} items
 */
function moveTo(item, items) {
  if (!item) return;
  for (const other of items) other.tabIndex = other === item ? 0 : -1;
  item.focus();
}

/**
 * Where a key leads.
 *
 * @param {string} key
 * @param {number} current the index of the item with the focus, -1 for none
 * @param {number} count
 * @returns {number | null} null: this key does not move
 */
export function moveBy(key, current, count) {
  switch (key) {
    case "ArrowDown":
      return (current + 1) % count;
    case "ArrowUp":
      return (Math.max(current, 0) + count - 1) % count;
    case "Home":
      return 0;
    case "End":
      return count - 1;
    default:
      return null;
  }
}

/**
 * The next item whose label begins with what was typed, searched from after the current one round to itself; one
 * letter typed again and again goes through all that begin with it.
 *
 * @param {string[]} labels
 * @param {number} current
 * @param {string} typed
 * @returns {number} -1: none
 */
export function findTyped(labels, current, typed) {
  const letters = typed.toLowerCase();
  const wanted = [...letters].every((letter) => letter === letters[0]) ? letters[0] : letters;
  const from = wanted.length === 1 ? current + 1 : Math.max(current, 0);
  for (let step = 0; step < labels.length; step += 1) {
    const index = (from + step) % labels.length;
    if (labels[index].trim().toLowerCase().startsWith(wanted)) return index;
  }
  return -1;
}

/**
 * Starts the menus of the page, those that come later included.
 *
 * @returns {{ destroy: () => void }}
 */
export function startMenus() {
  const stop = new AbortController();
  const { signal } = stop;
  let typed = "";
  let typedAt = 0;

  // `toggle` does not bubble: it is caught on its way down.
  document.addEventListener(
    "toggle",
    (event) => {
      const menu = /** @type {HTMLElement} */ (event.target);
      if (!menu.matches("[data-menu]")) return;
      typed = ""; // a menu opened anew knows nothing of what was typed into it before
      follow(menu, /** @type {ToggleEvent} */ (event).newState === "open");
    },
    { signal, capture: true },
  );

  // A phone that is turned, a window that is drawn: the open menu stays beside its button.
  window.addEventListener(
    "resize",
    () => {
      for (const menu of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-menu]:popover-open"))) {
        const button = buttonOf(menu);
        if (button) place(menu, button);
      }
    },
    { signal },
  );

  document.addEventListener(
    "keydown",
    (event) => {
      const menu = menuAround(event.target);
      if (!menu || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "Tab") {
        menu.hidePopover();
        return;
      }
      const items = itemsOf(menu);
      const current = items.indexOf(/** @type {HTMLElement} */ (document.activeElement));
      if (event.key === "ArrowRight" && items[current]?.matches(OPENS_SUBMENU)) {
        event.preventDefault();
        items[current].click();
        return;
      }
      if (event.key === "ArrowLeft" && menuAround(menu.parentElement)) {
        event.preventDefault();
        menu.hidePopover(); // the browser gives the focus back to the item that opened it
        return;
      }
      let next = moveBy(event.key, current, items.length);
      if (next === null && event.key.length === 1 && event.key !== " ") {
        typed = event.timeStamp - typedAt < TYPING ? typed + event.key : event.key;
        typedAt = event.timeStamp;
        next = findTyped(items.map((item) => item.textContent ?? ""), current, typed);
      }
      if (next === null) return;
      event.preventDefault();
      moveTo(items[next], items);
    },
    { signal },
  );

  // 1. On the way down: what may not be done is not done, whoever else listens.
  document.addEventListener(
    "click",
    (event) => {
      if (!(event.target instanceof Element) || !event.target.closest('[role^="menuitem"][aria-disabled="true"]')) return;
      event.preventDefault();
      event.stopPropagation();
    },
    { signal, capture: true },
  );
  // 2. On the way up, after the item has acted: the menu closes.
  document.addEventListener(
    "click",
    (event) => {
      const chosen = event.target instanceof Element && event.target.closest('[role^="menuitem"]');
      if (!chosen || chosen.matches(OPENS_SUBMENU)) return;
      for (let menu = menuAround(chosen); menu; menu = menuAround(menu.parentElement)) menu.hidePopover();
    },
    { signal },
  );
  return { destroy: () => stop.abort() };
}

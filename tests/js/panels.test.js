import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { Panels } from "../../static/calls/panels.js";

const turn = () => new Promise(setImmediate);

let page;

/** The Invite guest panel of a call page, as far as panels.js looks at it: what it shows stands in `page.content`. */
beforeEach(() => {
  const heading = { focus: () => (page.focused = "heading") };
  const content = Object.assign(new EventTarget(), {
    childNodes: ["One moment…"],
    replaceChildren: (...children) => (content.childNodes = children),
  });
  const panel = Object.assign(new EventTarget(), {
    dataset: { panel: "invite" },
    hidden: true,
    contains: () => false,
    querySelector(selector) {
      if (selector === "h2") return heading;
      return selector.startsWith("[hx-") ? content : null;
    },
  });
  const notice = () => {
    const button = new EventTarget();
    return { button, querySelector: () => button };
  };
  const script = () => Object.assign(new EventTarget(), { remove() {} });
  page = { panel, content, opened: 0, scripts: [], focused: "", signal: new AbortController() };
  panel.addEventListener("panel:opened", () => (page.opened += 1));
  globalThis.CSS = { escape: String };
  globalThis.htmx = { process() {} };
  globalThis.document = Object.assign(new EventTarget(), {
    querySelector: () => panel,
    querySelectorAll: (selector) => (selector === "[data-panel]" ? [panel] : []),
    getElementById: (id) => ({
      content: id === "htmx-script"
        ? { querySelector: () => ({ cloneNode: script }) }
        : { firstElementChild: { cloneNode: notice } },
    }),
    head: { append: (element) => page.scripts.push(element) },
  });
  page.panels = new Panels(() => {}, page.signal.signal);
});

afterEach(() => {
  page.signal.abort();
  for (const name of ["CSS", "htmx", "document"]) delete globalThis[name];
});

const settle = async (kind) => {
  page.scripts.at(-1).dispatchEvent(new Event(kind));
  await turn();
};
const [tryAgain, shown] = [() => page.content.childNodes[0].button, () => page.content.childNodes];

// In this order: once fetched, htmx is never fetched again.
test("a panel that htmx could not be fetched for says so, and Try again fetches it", async () => {
  page.panels.render("invite");
  await settle("error");
  assert.equal(page.opened, 0);
  assert.ok(tryAgain(), "the panel stands open without a word");

  tryAgain().dispatchEvent(new Event("click"));
  assert.deepEqual(shown(), ["One moment…"]);
  assert.equal(page.focused, "heading");
  await settle("error");
  assert.ok(tryAgain(), "a second failure is silent");

  tryAgain().dispatchEvent(new Event("click"));
  await settle("load");
  assert.equal(page.scripts.length, 3);
  assert.equal(page.opened, 1);
  assert.deepEqual(shown(), ["One moment…"]);
});

for (const kind of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
  test(`a panel whose content does not come says so: ${kind}`, async () => {
    page.panels.render("invite");
    await turn();
    assert.equal(page.opened, 1);
    const detail = { elt: page.content, requestConfig: { triggeringEvent: { type: "panel:opened" } } };
    document.dispatchEvent(new CustomEvent(kind, { detail }));
    tryAgain().dispatchEvent(new Event("click"));
    await turn();
    assert.deepEqual(shown(), ["One moment…"]);
    assert.equal(page.opened, 2);
  });
}

test("what fails in a panel that is open already leaves it as it is", async () => {
  page.panels.render("invite");
  await turn();
  for (const triggeringEvent of [undefined, { type: "submit" }]) {
    document.dispatchEvent(new CustomEvent("htmx:sendError", { detail: { elt: page.content, requestConfig: { triggeringEvent } } }));
  }
  assert.deepEqual(shown(), ["One moment…"]);
});

test("closed and opened once more, it is tried once more", async () => {
  page.panels.render("invite");
  await turn();
  const detail = { elt: page.content, requestConfig: { triggeringEvent: { type: "panel:opened" } } };
  document.dispatchEvent(new CustomEvent("htmx:sendError", { detail }));
  page.panels.render(null);
  page.panels.render("invite");
  await turn();
  assert.deepEqual(shown(), ["One moment…"]);
  assert.equal(page.opened, 2);
});

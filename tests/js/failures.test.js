import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { isUntold, startFailures } from "../../static/core/failures.js";

const by = (type, more = {}) => (
  { requestConfig: { triggeringEvent: type && { type } }, xhr: { getResponseHeader: () => null }, ...more });
const SPOKE = { xhr: { getResponseHeader: (name) => (name === "HX-Trigger" ? '{"toast": {}}' : null) } };

test("a press that brought nothing is told, what a page asks for by itself is not", () => {
  assert.ok(isUntold(by("click")));
  assert.ok(isUntold(by("submit")));
  assert.ok(!isUntold(by(undefined)));
  assert.ok(!isUntold(by("refresh")));
  assert.ok(!isUntold(by("panel:opened")));
});

test("an answer that brings its own banner is told once", () => {
  assert.ok(!isUntold(by("submit", SPOKE)));
});

let shown = [];
let listIsThere = false;
let failures;

/** base.html's banner template, and the region that it is put into. */
beforeEach(() => {
  shown = [];
  listIsThere = false;
  const words = { set textContent(text) { shown.push(text); } };
  const banner = { classList: { add() {} }, querySelectorAll: () => [], querySelector: () => words };
  const elements = {
    toasts: { dataset: { unreached: "no network", failed: "try again" }, append() {} },
    "toast-template": { content: { firstElementChild: { cloneNode: () => banner } } },
  };
  globalThis.document = Object.assign(new EventTarget(), {
    getElementById: (id) => (id === "dialogs" && listIsThere ? { dataset: { failed: "somebody was faster" } } : elements[id]),
  });
  failures = startFailures();
});

afterEach(() => delete globalThis.document);

const happens = (kind, detail) => document.dispatchEvent(new CustomEvent(kind, { detail }));

test("no network and a bad answer have words of their own", () => {
  happens("htmx:sendError", by("submit"));
  happens("htmx:timeout", by("click"));
  happens("htmx:responseError", by("submit"));
  assert.deepEqual(shown, ["no network", "no network", "try again"]);
});

test("a live list says what a bad answer means in it", () => {
  listIsThere = true;
  happens("htmx:responseError", by("click"));
  assert.deepEqual(shown, ["somebody was faster"]);
});

test("nothing is said of a list that is read again in a moment, nor after the end", () => {
  happens("htmx:sendError", by(undefined));
  failures.destroy();
  happens("htmx:sendError", by("submit"));
  assert.deepEqual(shown, []);
});

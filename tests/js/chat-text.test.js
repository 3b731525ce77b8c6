import assert from "node:assert/strict";
import { test } from "node:test";

import { pieces } from "../../static/calls/chat-text.js";

const links = (text) => pieces(text).filter(({ href }) => href).map(({ href }) => href);

test("an address becomes a link, and the full stop after it does not", () => {
  assert.deepEqual(pieces("See https://www.example.org/a?b=1#c. Thanks"), [
    { text: "See " },
    { text: "https://www.example.org/a?b=1#c", href: "https://www.example.org/a?b=1#c" },
    { text: ". Thanks" },
  ]);
});

test("nothing of the text is lost", () => {
  for (const text of ["", "hello", "(https://example.org)", "a https://b.example c http://d.example", "https://", "\u202ehttps://x.example"]) {
    assert.equal(pieces(text).map((piece) => piece.text).join(""), text);
  }
});

test("hazard H3: what could run, or pass for another address, stays text", () => {
  for (const text of [
    "javascript:alert(1)", "data:text/html,x", "https://example.org@evil.example/", "https://localhost/", "www.example.org",
    "https://example\u202e.org", "https://ехample.org", "http:///x", "https://[::1",
  ]) {
    assert.deepEqual(links(text), [], text);
  }
});

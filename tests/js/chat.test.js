import assert from "node:assert/strict";
import { test } from "node:test";

import { ChatPanel } from "../../static/calls/chat.js";

/** The chat's form and field, as far as chat.js looks at them; `posts` says whether the socket stands. */
function open({ posts }) {
  const field = Object.assign(new EventTarget(), { value: "", focus() {} });
  const form = new EventTarget();
  const parts = { "chat-form": form, "chat-text": field };
  globalThis.document = { getElementById: (id) => parts[id] };
  const said = [];
  const panel = new ChatPanel((text) => posts && said.push(text) > 0, new AbortController().signal);
  const say = (text) => {
    field.value = text;
    form.dispatchEvent(new Event("submit", { cancelable: true }));
  };
  return { field, panel, said, say };
}

test("what is sent leaves the field, and what could not be sent stays in it", () => {
  for (const posts of [true, false]) {
    const { field, said, say } = open({ posts });
    say("  Good morning ");
    assert.deepEqual(said, posts ? ["Good morning"] : []);
    assert.equal(field.value, posts ? "" : "  Good morning ");
  }
});

test("what was refused stands in the field again, once, before what was typed since", () => {
  const { field, panel, say } = open({ posts: true });
  say("Hello, is anybody there?");
  panel.giveBack();
  assert.equal(field.value, "Hello, is anybody there?");
  say(field.value);
  field.value = "I am early.";
  panel.giveBack();
  assert.equal(field.value, "Hello, is anybody there?\nI am early.");
  panel.giveBack();
  assert.equal(field.value, "Hello, is anybody there?\nI am early.");
});

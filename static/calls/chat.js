/** The chat's panel: what was said, and a field to say more. */

import { pieces } from "./chat-text.js";
import { fromTemplate } from "./keyed.js";

/** @import { CallState } from "./call-state.js" */

const NEAR_THE_END = 80; // px from the end still counts as reading the newest

/** Never as HTML: other people write it (hazard H3). */
function asNode({ text, href }) {
  if (!href) return document.createTextNode(text);
  const link = document.createElement("a");
  link.textContent = text;
  link.href = href;
  link.target = "_blank";
  link.rel = "noopener noreferrer nofollow";
  return link;
}

export class ChatPanel {
  #list = document.getElementById("messages");
  #field = document.getElementById("chat-text");
  #chat = null;
  #time = null;
  #sent = ""; // lately

  /** @param {(text: string) => boolean} post whether it went out. @param {AbortSignal} signal */
  constructor(post, signal) {
    const form = document.getElementById("chat-form");
    form.addEventListener(
      "submit",
      (event) => {
        event.preventDefault();
        const text = this.#field.value.trim();
        if (text && post(text)) {
          this.#sent = text;
          this.#field.value = "";
        }
        this.#field.focus();
      },
      { signal },
    );
    this.#field.addEventListener(
      "keydown",
      (event) => {
        if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
        event.preventDefault();
        form.requestSubmit();
      },
      { signal },
    );
  }

  /** What was refused is not lost: it stands in the field again, before what was typed since. */
  giveBack() {
    this.#field.value = [this.#sent, this.#field.value].filter(Boolean).join("\n");
    this.#sent = "";
  }

  /** @param {CallState} state */
  render({ chat, me }) {
    if (chat !== this.#chat) {
      const list = this.#list;
      const reads = list.scrollHeight - list.scrollTop - list.clientHeight < NEAR_THE_END;
      list.replaceChildren(...chat.map((message) => this.#line(message, me)));
      if (reads) list.scrollTop = list.scrollHeight;
      this.#chat = chat;
    }
  }

  #line({ participant, name, text, at }, me) {
    this.#time ??= new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
    const line = fromTemplate("message-template");
    line.classList.toggle("own", participant === me);
    line.querySelector("[data-name]").textContent = name;
    line.querySelector("[data-at]").textContent = this.#time.format(at * 1000);
    line.querySelector("[data-text]").replaceChildren(...pieces(text).map(asNode));
    return line;
  }
}

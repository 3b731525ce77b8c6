/** The panels beside the stage: chat and participants. */

import { initials } from "./call-state.js";
import { fromTemplate, keyedList } from "./keyed.js";

/** @import { CallState, Participant } from "./call-state.js" */

const NEAR_THE_END = 80; // px from the end still counts as reading the newest

export class ChatPanel {
  #list = document.getElementById("messages");
  #field = document.getElementById("chat-text");
  #chat = null;
  #time = null;

  /** @param {(text: string) => boolean} post whether it went out. @param {AbortSignal} signal */
  constructor(post, signal) {
    const form = document.getElementById("chat-form");
    form.addEventListener(
      "submit",
      (event) => {
        event.preventDefault();
        const text = this.#field.value.trim();
        if (text && post(text)) this.#field.value = "";
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

  /** @param {CallState} state */
  render({ chat, me, panel }) {
    if (chat !== this.#chat) {
      const list = this.#list;
      const reads = list.scrollHeight - list.scrollTop - list.clientHeight < NEAR_THE_END;
      list.replaceChildren(...chat.map((message) => this.#line(message, me)));
      if (reads) list.scrollTop = list.scrollHeight;
      this.#chat = chat;
    }
    if (panel === "chat" && document.activeElement === document.getElementById("chat-heading")) this.#field.focus();
  }

  #line({ participant, name, text, at }, me) {
    this.#time ??= new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
    const line = fromTemplate("message-template");
    line.classList.toggle("own", participant === me);
    line.querySelector("[data-name]").textContent = name;
    line.querySelector("[data-at]").textContent = this.#time.format(at * 1000);
    line.querySelector("[data-text]").textContent = text;
    return line;
  }
}

export class ParticipantsPanel {
  #list;

  /**
   * @param {(key: string, values?: object) => string} phrase
   * @param {(participant: Participant) => void} remove
   */
  constructor(phrase, remove) {
    const known = new WeakMap();
    const container = document.getElementById("participants");
    this.#list = keyedList(
      container,
      "participant-template",
      ({ participant }) => participant.id,
      (line, { participant, me, mayRemove }, isNew) => {
        const { id, name, role, state, microphone, device_check: check = [] } = participant;
        const own = id === me;
        const standing = state === "connected" ? role : state;
        line.querySelector(".avatar").textContent = initials(name);
        line.querySelector("[data-name]").textContent = own ? phrase("you", { name }) : name;
        line.querySelector("[data-role]").textContent = phrase(standing);
        line.querySelector("[data-device-check]").textContent = own ? "" : check.map((code) => phrase(`check-${code}`)).join(" · ");
        line.dataset.microphone = microphone ? "on" : "off";
        const button = line.querySelector("[data-remove]");
        known.set(button, participant);
        button.hidden = own || !mayRemove;
        button.title = phrase("remove", { name });
        button.setAttribute("aria-label", button.title);
        if (isNew) button.addEventListener("click", () => remove(known.get(button)));
      },
    );
  }

  /** @param {CallState} state */
  render({ participants, me, role }) {
    this.#list(participants.map((participant) => ({ participant, me, mayRemove: role === "member" })));
  }
}

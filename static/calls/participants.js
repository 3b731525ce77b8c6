/** The panel of who is in the call; members can remove somebody (rule C7). */

import { initials } from "./call-state.js";
import { keyedList } from "./keyed.js";

/** @import { CallState, Participant } from "./call-state.js" */

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

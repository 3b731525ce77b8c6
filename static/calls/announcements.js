/** What happens in the call, said to screen readers: nothing of it is seen. */

const KEPT = 20; // lines

export class Announcements {
  #log = document.getElementById("announcements");

  /** @param {string} text */
  say(text) {
    const line = document.createElement("p");
    line.textContent = text;
    this.#log.append(line);
    while (this.#log.children.length > KEPT) this.#log.firstChild.remove();
  }
}

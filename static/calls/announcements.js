/**
 * What happens in the call, in words for screen readers: at most one announcement each two seconds, "Omar and Pia
 * joined". Pure: the clock is passed in, in ms; whoever ticks is told what to say.
 */

const GATHER = 2_000;
const READ_OUT = 3; // messages; of more at once only the number is said
/** What takes back what was not yet said: nobody is told of somebody who came and went within two seconds. */
const UNDOES = new Map([["left", "joined"], ["returned", "lost"], ["unshared", "shares"]]);

/** @typedef {{what: string, name: string, text?: string}} News `what` is also the phrase's name; of several: `…-many` */

export class Announcements {
  #phrase;
  #say;
  #names;
  #waiting = [];
  #since = 0;

  /**
   * @param {(key: string, values?: object) => string} phrase
   * @param {(text: string) => void} say
   * @param {string} [language] in which names are put together
   */
  constructor(phrase, say, language) {
    this.#phrase = phrase;
    this.#say = say;
    this.#names = new Intl.ListFormat(language, { type: "conjunction" });
  }

  /** @param {News[]} news @param {number} at */
  hear(news, at) {
    for (const piece of news) {
      const undone = this.#waiting.findIndex(({ what, name }) => name === piece.name && what === UNDOES.get(piece.what));
      if (undone >= 0) {
        this.#waiting.splice(undone, 1);
      } else {
        if (!this.#waiting.length) this.#since = at;
        this.#waiting.push(piece);
      }
    }
  }

  /** Said at once, after what waited: a warning that time is short. @param {string} text */
  interrupt(text) {
    this.#flush(text);
  }

  /** @param {number} at */
  tick(at) {
    if (this.#waiting.length && at - this.#since >= GATHER) this.#flush();
  }

  #flush(...last) {
    const waiting = this.#waiting;
    this.#waiting = [];
    const sentences = [...new Set(waiting.map(({ what }) => what))].flatMap((kind) => {
      const pieces = waiting.filter(({ what }) => what === kind);
      return kind === "chat-from" ? this.#chat(pieces) : this.#told(kind, pieces);
    });
    this.#say([...sentences, ...last].join(". "));
  }

  #chat(messages) {
    if (messages.length > READ_OUT) return [this.#phrase("chat-many", { number: messages.length })];
    return messages.map((message) => this.#phrase("chat-from", message));
  }

  #told(what, pieces) {
    const names = [...new Set(pieces.map(({ name }) => name))];
    if (names.length === 1) return [this.#phrase(what, { name: names[0] })];
    return [this.#phrase(`${what}-many`, { names: this.#names.format(names) })];
  }
}

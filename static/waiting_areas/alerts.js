/* Caller Arrival Alerts (rule W3): a sound and a desktop notification, remembered on this device. They name an area and
   nobody: a locked screen shows them to whoever passes by. */

const KEPT = "anteroom.alerts";
const NOTES = [880, 1174.66, 880]; // Hz
const LOUDNESS = 0.12;
const APART = 0.18; // s
const ONE_TAG = "anteroom-waiting"; // a second notification takes the first one's place

export class Alerts {
  #wanted;
  #context = null;

  constructor() {
    try {
      this.#wanted = localStorage.getItem(KEPT) !== "off";
    } catch {
      this.#wanted = true; // storage is forbidden
    }
  }

  get wanted() {
    return this.#wanted;
  }

  set wanted(wanted) {
    this.#wanted = wanted;
    try {
      localStorage.setItem(KEPT, wanted ? "on" : "off");
    } catch {
      // Forbidden or full: it holds for this page.
    }
  }

  /** Asks once, by a press. @returns {Promise<boolean>} */
  async mayNotify() {
    if (!("Notification" in globalThis)) return false;
    if (Notification.permission === "default") await Notification.requestPermission();
    return Notification.permission === "granted";
  }

  /** @param {string} text @param {string} address where a press on the notification leads */
  tell(text, address) {
    this.#ring();
    if (!("Notification" in globalThis) || Notification.permission !== "granted") return;
    try {
      const notification = new Notification(text, { tag: ONE_TAG, renotify: true });
      notification.addEventListener("click", () => {
        window.focus();
        if (location.href !== address) location.assign(address);
        notification.close();
      });
    } catch {
      // Android shows none from a page: the sound has to do.
    }
  }

  async #ring() {
    this.#context ??= new AudioContext();
    const context = this.#context;
    if (context.state !== "running") await context.resume();
    NOTES.forEach((frequency, index) => {
      const note = new OscillatorNode(context, { frequency });
      const envelope = new GainNode(context, { gain: 0 });
      const at = context.currentTime + index * APART;
      envelope.gain.linearRampToValueAtTime(LOUDNESS, at + 0.02);
      envelope.gain.setValueAtTime(LOUDNESS, at + APART / 2);
      envelope.gain.linearRampToValueAtTime(0, at + APART);
      note.connect(envelope).connect(context.destination);
      note.start(at);
      note.stop(at + APART);
    });
  }
}

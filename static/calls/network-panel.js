/**
 * Runs the network check beside a preview and shows what it found. At a door (`data-quiet`) it gives way to everything:
 * it waits until the devices are open and nobody types, is given up with Join, and is not loaded before it runs.
 */

import { csrfToken } from "../core/csrf.js";
import { wait } from "../core/wait.js";

const STILL = 1_500; // ms without a key or a touch
const SETTLED = new Set(["working", "off", "denied", "dismissed", "system", "missing", "busy", "insecure", "failed"]);

export class NetworkPanel {
  #preview;
  #place;
  #stop = new AbortController();
  #touchedAt = performance.now();
  #isRunning = false;

  /** @param {HTMLElement} preview `data-network` tells what was found. @param {HTMLElement} place where it is shown */
  constructor(preview, place) {
    this.#preview = preview;
    this.#place = place;
    const { signal } = this.#stop;
    for (const touch of ["keydown", "pointerdown"]) {
      document.addEventListener(touch, () => (this.#touchedAt = performance.now()), { signal });
    }
    document.addEventListener("submit", (event) => !event.defaultPrevented && this.destroy(), { signal });
    window.addEventListener("pagehide", () => this.destroy(), { signal });
    place.querySelector("[data-check-again]")?.addEventListener("click", () => this.#check(), { signal });
  }

  async start() {
    if (this.#place.dataset.quiet !== undefined && navigator.connection?.saveData) return;
    try {
      if (this.#place.dataset.quiet !== undefined) {
        await this.#settled();
        await this.#still();
      }
    } catch {
      return; // joined meanwhile
    }
    await this.#check();
  }

  destroy() {
    this.#stop.abort();
  }

  async #check() {
    const { signal } = this.#stop;
    if (this.#isRunning || signal.aborted) return;
    this.#isRunning = true;
    this.#show({ verdict: "checking" });
    try {
      const { checkNetwork } = await import("./network-check.js");
      this.#show(await checkNetwork({ url: this.#place.dataset.networkUrl, csrfToken: csrfToken(), signal }));
    } catch (error) {
      if (signal.aborted) return;
      this.#show({ verdict: "unknown" });
      if (!(error instanceof TypeError)) throw error; // of fetch: the page's own server is away
    } finally {
      this.#isRunning = false;
    }
  }

  /** Each device works, is off, or will not: whoever is still being asked has better to do. */
  #settled() {
    const { signal } = this.#stop;
    const { dataset } = this.#preview;
    return new Promise((resolve, reject) => {
      const look = () => SETTLED.has(dataset.camera) && SETTLED.has(dataset.microphone) && resolve();
      this.#preview.addEventListener("preview:change", look, { signal });
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      look();
    });
  }

  async #still() {
    let left = STILL;
    while (left > 0) {
      await wait(left, this.#stop.signal);
      left = this.#touchedAt + STILL - performance.now();
    }
  }

  /** @param {import("./network-check.js").Found | {verdict: 'checking'}} found */
  #show({ verdict, figures }) {
    const place = this.#place;
    for (const words of place.querySelectorAll("[data-when]")) words.hidden = words.dataset.when !== verdict;
    place.dataset.state = verdict;
    // Beside the form that joins, nobody has to read that something could not be checked.
    if (place.dataset.quiet !== undefined) place.hidden = verdict === "checking" || verdict === "unknown";
    const again = place.querySelector("[data-check-again]");
    if (again) again.hidden = verdict === "checking";
    place.querySelector("[data-figures]").hidden = !figures;
    if (figures) this.#write(figures);
    this.#preview.dataset.network = verdict;
    this.#preview.dispatchEvent(new CustomEvent("preview:change"));
  }

  #write({ protocol, roundTrip, lostUp, lostDown, rate }) {
    const part = (name) => this.#place.querySelector(`[data-figure="${name}"]`);
    for (const name of ["udp", "tcp"]) part(name).hidden = name !== protocol;
    const numbers = { delay: roundTrip * 1000, "lost-up": lostUp * 100, "lost-down": lostDown * 100, rate: rate / 1000 };
    for (const [name, number] of Object.entries(numbers)) {
      part(name).textContent = part(name).dataset.words.replace("{number}", new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 }).format(number));
    }
  }
}

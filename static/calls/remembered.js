/** What this browser remembers for its person. Storage may be forbidden or full: then nothing is, and nothing else differs. */

/** @param {'localStorage' | 'sessionStorage'} storage this device, or this tab only @returns {object} */
export function recall(storage, key) {
  try {
    return JSON.parse(globalThis[storage].getItem(key)) ?? {};
  } catch {
    return {};
  }
}

export function remember(storage, key, value) {
  try {
    globalThis[storage].setItem(key, JSON.stringify(value));
  } catch {
    // As above.
  }
}

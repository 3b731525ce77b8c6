/* How long somebody has waited, and how a tab says how many do. Pure. */

/**
 * @param {{server: number, at: number}} clock the server's time in s when the page read it, and this device's in ms
 * @param {number} at this device's time in ms
 * @returns {number} the server's time now, in s: this device's clock may be wrong
 */
export const serverNow = ({ server, at: read }, at) => server + (at - read) / 1000;

/** @param {number} seconds @returns {string} 0:05, 12:30, 1:02:03 */
export function waited(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** @param {string} title @param {number} waiting @returns {string} (3) Dermatology */
export const badged = (title, waiting) => (waiting ? `(${waiting}) ${title}` : title);

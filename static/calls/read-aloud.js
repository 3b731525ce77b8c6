/** The log that only screen readers read. */

const KEPT = 20; // lines

/** @param {string} text */
export function readAloud(text) {
  const log = document.getElementById("announcements");
  const line = document.createElement("p");
  line.textContent = text;
  log.append(line);
  while (log.children.length > KEPT) log.firstChild.remove();
}

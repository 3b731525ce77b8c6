/** What people write, cut into words and web addresses. Pure. */

// Only addresses of plain characters: one that reads like another (bidi controls, look-alikes) stays text (hazard H3).
const ADDRESS = /https?:\/\/[\x21-\x7e]+/giu;
const AFTERWARDS = /[.,;:!?'"()<>[\]{}]+$/u; // what follows an address in a sentence

/**
 * @param {string} text
 * @returns {{text: string, href?: string}[]} in order; together they are the text
 */
export function pieces(text) {
  const found = [];
  let from = 0;
  for (const { 0: match, index } of text.matchAll(ADDRESS)) {
    const address = match.replace(AFTERWARDS, "");
    const href = hrefOf(address);
    if (!href) continue;
    if (index > from) found.push({ text: text.slice(from, index) });
    found.push({ text: address, href });
    from = index + address.length;
  }
  if (from < text.length) found.push({ text: text.slice(from) });
  return found;
}

/** Nothing but the web, and no name before the host that could pass for it. @returns {string | null} */
function hrefOf(address) {
  if (!URL.canParse(address)) return null;
  const { protocol, username, password, hostname, href } = new URL(address);
  return /^https?:$/u.test(protocol) && !username && !password && hostname.includes(".") ? href : null;
}

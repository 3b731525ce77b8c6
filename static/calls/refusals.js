/** What a person is told of a frame that was refused. The server's own message is for programmers, in English. */

/** The phrase, by the frame's `id` and the refusal's `code` (docs/protocol.md). */
const PHRASES = new Map([
  ["chat not_allowed", "refused-chat"],
  ["media not_allowed", "refused-screen"],
  ["remove not_here", "refused-remove"],
]);

/** @param {{id: string, code: string}} frame of type `error` @returns {string} the name of a phrase */
export const refusalPhrase = ({ id, code }) => PHRASES.get(`${id} ${code}`) ?? "refused";

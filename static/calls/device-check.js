/** What the device check found, as the form that joins says it: the codes of calls/device_check.py. Pure. */

/**
 * @param {{microphone?: string, camera?: string, heard?: string, speaker?: string, network?: string}} found what the
 *   preview has on its element (preview.js); undefined is not known
 * @returns {string}
 */
export function checkCodes({ microphone, camera, heard, speaker, network }) {
  const listens = { working: heard === undefined ? "quiet" : "heard", off: "off" };
  const films = { working: "working", off: "off" };
  return [
    microphone && `microphone-${listens[microphone] ?? "none"}`,
    camera && `camera-${films[camera] ?? "none"}`,
    ["heard", "silent"].includes(speaker) && `speaker-${speaker}`,
    ["good", "slow", "poor", "blocked"].includes(network) && `network-${network}`,
  ].filter(Boolean).join(" ");
}

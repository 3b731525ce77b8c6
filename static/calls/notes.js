/** Soft notes, made here: no sound file is fetched. */

/**
 * @param {AudioContext} context that is running
 * @param {AudioNode} output
 * @param {number[]} frequencies Hz, one after the other
 * @param {{loudness: number, apart: number, lasts: number}} how 0 to 1; seconds
 * @returns {Promise<void>} when the last has ended
 */
export function playNotes(context, output, frequencies, { loudness, apart, lasts }) {
  const notes = frequencies.map((frequency, index) => {
    const [note, volume, from] = [context.createOscillator(), context.createGain(), context.currentTime + index * apart];
    note.frequency.value = frequency;
    volume.gain.setValueAtTime(0, from);
    volume.gain.linearRampToValueAtTime(loudness, from + 0.03);
    volume.gain.exponentialRampToValueAtTime(0.0001, from + lasts);
    note.connect(volume).connect(output);
    note.start(from);
    note.stop(from + lasts);
    return note;
  });
  return new Promise((resolve) => { notes.at(-1).addEventListener("ended", () => resolve()); });
}

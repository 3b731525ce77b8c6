/**
 * Every word a script shows is written, and translated, in the page's templates:
 * `<template data-phrases><p data-phrase="joined">{name} joined</p></template>`.
 */

/**
 * @param {ParentNode} [root]
 * @returns {(key: string, values?: Record<string, string | number>) => string} a missing key is a mistake of ours:
 *   it throws, so that the first test of its page finds it
 */
export function readPhrases(root = document) {
  const known = new Map();
  for (const { content } of root.querySelectorAll("template[data-phrases]")) {
    for (const element of content.querySelectorAll("[data-phrase]")) {
      known.set(element.dataset.phrase, element.textContent.trim());
    }
  }
  return (key, values = {}) => {
    const text = known.get(key);
    if (text === undefined) throw new Error(`No phrase is called "${key}".`);
    return text.replace(/\{(\w+)\}/gu, (whole, name) => (Object.hasOwn(values, name) ? String(values[name]) : whole));
  };
}

/**
 * One sentence where camera and microphone share what is wrong, otherwise one for each.
 *
 * @param {Map<string, {problem?: string}>} opened
 * @param {(key: string) => string} phrase
 * @returns {string[]}
 */
export function deviceSentences(opened, phrase) {
  const wrong = [...opened].filter(([, { problem }]) => problem);
  const [first, second] = wrong.map(([, { problem }]) => problem);
  if (second !== undefined && first === second) return [phrase(`both-${first}`)];
  return wrong.map(([name, { problem }]) => phrase(`${name}-${problem}`));
}

/** Lists on the page that keep their elements while their items come, change and go: focus and video stay undisturbed. */

/** @param {string} id of a <template>. @returns {HTMLElement} its first element, new */
export function fromTemplate(id) {
  return document.getElementById(id).content.firstElementChild.cloneNode(true);
}

/**
 * @template Item
 * @param {HTMLElement} container
 * @param {string} template id
 * @param {(item: Item) => string} key
 * @param {(element: HTMLElement, item: Item, isNew: boolean) => void} fill
 * @returns {(items: Item[]) => void}
 */
export function keyedList(container, template, key, fill) {
  const elements = new Map(); // names and ids are other people's: never keys of an object (hazard H3)
  return (items) => {
    const kept = new Set(items.map(key));
    for (const [id, element] of elements) {
      if (kept.has(id)) continue;
      element.remove();
      elements.delete(id);
    }
    for (const item of items) {
      const known = elements.get(key(item));
      const element = known ?? fromTemplate(template);
      if (!known) {
        elements.set(key(item), element);
        container.append(element);
      }
      fill(element, item, !known);
    }
  };
}

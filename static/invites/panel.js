/* The list of those invited is read again at once when the call says that something of it changed, and by itself every
   few seconds, as long as somebody looks at it. */

/** Milliseconds after who is in the call changed: the server has written it down by then. */
const WRITTEN_AFTER = 700;

const list = () => document.getElementById("invite-list");
const refresh = () => list()?.dispatchEvent(new Event("refresh"));

/** @returns {{ destroy: () => void }} */
export function startInvitePanel() {
  const stop = new AbortController();
  const { signal } = stop;
  document.addEventListener(
    "call:changed",
    (event) => {
      if (/** @type {CustomEvent<{ what: string }>} */ (event).detail.what === "invites") refresh();
    },
    { signal },
  );
  document.addEventListener("call:roster", () => setTimeout(refresh, WRITTEN_AFTER), { signal });
  document.addEventListener("panel:opened", refresh, { signal });
  document.addEventListener("visibilitychange", refresh, { signal });
  document.addEventListener(
    "htmx:beforeRequest",
    (event) => {
      const { elt } = /** @type {CustomEvent<{ elt: Element }>} */ (event).detail;
      if (elt.id === "invite-list" && (document.hidden || !elt.checkVisibility())) event.preventDefault();
    },
    { signal },
  );
  return { destroy: () => stop.abort() };
}

startInvitePanel();

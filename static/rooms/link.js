/* The printable card: the button is there only where printing works. */

const button = /** @type {HTMLButtonElement} */ (document.querySelector("[data-print]"));
button.hidden = false;
button.addEventListener("click", () => window.print());

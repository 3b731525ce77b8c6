/* The entry of every page: what base.html's parts need. A page's own module comes beside it. */

import { startCopyButtons } from "./copy.js";
import { startDialogs } from "./dialog.js";
import { startFailures } from "./failures.js";
import { startMenus } from "./menu.js";
import { startToasts } from "./toast.js";

startToasts();
startMenus();
startDialogs();
startCopyButtons();
startFailures();

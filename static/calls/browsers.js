/** Which browser this is, as far as the help for a camera differs: where its signs are, and what they look like. Pure. */

// Apps that open links in a window of their own, where the camera is often kept back.
const INSIDE_AN_APP = /\bFBA[NV]\b|\bInstagram\b|\bLine\/|\bMicroMessenger\b|\bSnapchat\b|\bTikTok\b|musical_ly|; wv\)/u;
const DESKTOP = [["edge", /\bEdg\//u], ["firefox", /\bFirefox\//u], ["chrome", /Chrome\//u], ["safari", /\bSafari\//u]];
const ANDROID = [["samsung", /\bSamsungBrowser\//u], ["android-firefox", /\bFirefox\//u], ["android-chrome", /\bChrome\//u]];

const first = (table, userAgent) => table.find(([, pattern]) => pattern.test(userAgent))?.[0] ?? "other";

/**
 * @param {{userAgent: string, maxTouchPoints?: number}} navigator
 * @returns {{browser: string, system: 'ios' | 'android' | 'windows' | 'mac' | 'other', isPhone: boolean}}
 */
export function readBrowser({ userAgent, maxTouchPoints = 0 }) {
  // An iPad says it is a Mac; no Mac has a touch screen.
  const isIos = /iPhone|iPad|iPod/u.test(userAgent) || (/Macintosh/u.test(userAgent) && maxTouchPoints > 1);
  if (isIos) {
    const isOther = /CriOS|FxiOS|EdgiOS|OPiOS/u.test(userAgent);
    const browser = INSIDE_AN_APP.test(userAgent) ? "app" : isOther ? "ios-other" : "ios-safari";
    return { browser, system: "ios", isPhone: true };
  }
  if (/Android/u.test(userAgent)) {
    return { browser: INSIDE_AN_APP.test(userAgent) ? "app" : first(ANDROID, userAgent), system: "android", isPhone: true };
  }
  const system = /Windows/u.test(userAgent) ? "windows" : /Macintosh/u.test(userAgent) ? "mac" : "other";
  return { browser: first(DESKTOP, userAgent), system, isPhone: false };
}

/**
 * The names of the help that may fit, the closest first (templates/calls/_device_help.html).
 *
 * @param {import("./devices.js").Problem} problem
 * @param {ReturnType<typeof readBrowser>} where
 */
export function helpNames(problem, { browser, system, isPhone }) {
  return [browser, system, isPhone ? "phone" : "computer", "other"].map((place) => `${problem}-${place}`);
}

import assert from "node:assert/strict";
import { test } from "node:test";

import { helpNames, readBrowser } from "../../static/calls/browsers.js";

const MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)";
const WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)";
const IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)";
const ANDROID = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko)";
const CHROME = "Chrome/140.0.0.0 Safari/537.36";

for (const [userAgent, browser, system, maxTouchPoints] of [
  [`${WINDOWS} AppleWebKit/537.36 (KHTML, like Gecko) ${CHROME}`, "chrome", "windows"],
  [`${WINDOWS} AppleWebKit/537.36 (KHTML, like Gecko) ${CHROME} Edg/140.0.0.0`, "edge", "windows"],
  ["Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "firefox", "other"],
  [`${MAC} AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15`, "safari", "mac"],
  [`${MAC} AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15`, "ios-safari", "ios", 5], // an iPad
  [`${IPHONE} Version/18.1 Mobile/15E148 Safari/604.1`, "ios-safari", "ios"],
  [`${IPHONE} CriOS/140.0.0.0 Mobile/15E148 Safari/604.1`, "ios-other", "ios"],
  [`${IPHONE} Mobile/15E148 [FBAN/FBIOS;FBAV/480.0]`, "app", "ios"],
  [`${ANDROID} ${CHROME.replace(" ", " Mobile ")}`, "android-chrome", "android"],
  [`${ANDROID} SamsungBrowser/27.0 ${CHROME}`, "samsung", "android"],
  ["Mozilla/5.0 (Android 14; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0", "android-firefox", "android"],
  [`${ANDROID.replace("K)", "K; wv)")} Version/4.0 ${CHROME} Instagram 300.0`, "app", "android"],
  ["Something/1.0", "other", "other"],
]) {
  test(`${browser} on ${system} is known by what it says of itself`, () => {
    const found = readBrowser({ userAgent, maxTouchPoints });
    assert.deepEqual([found.browser, found.system], [browser, system]);
  });
}

test("the closest help comes first, and there is one for whatever is not known", () => {
  assert.deepEqual(helpNames("denied", readBrowser({ userAgent: IPHONE })), ["denied-ios-safari", "denied-ios", "denied-phone", "denied-other"]);
});

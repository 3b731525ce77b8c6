// A guest in Firefox, told what to do by lines of JSON on standard input; each is answered by one on standard output.
// Arguments: the browser's path. Firefox speaks WebDriver BiDi, which Playwright's patched build does not replace:
// people have Mozilla's own.

import { createInterface } from 'node:readline';

import puppeteer from 'puppeteer-core';

const WATCH_PEERS = () => {
  window.peers = [];
  window.RTCPeerConnection = class extends window.RTCPeerConnection {
    constructor(...args) { super(...args); window.peers.push(this); }
  };
};

const received = async () => {
  const peer = window.peers.at(-1);
  if (!peer) return [];
  return [...(await peer.getStats()).values()]
    .filter((entry) => entry.type === 'inbound-rtp')
    .map(({ kind, mid, framesDecoded, totalAudioEnergy, packetsReceived }) => (
      { kind, mid: mid ?? '', frames: framesDecoded ?? 0, energy: totalAudioEnergy ?? 0, packets: packetsReceived ?? 0 }));
};

/**
 * Frames shown in the tile of the person of that name since first asked; -1 while there is none. Firefox's
 * getVideoPlaybackQuality() stays at zero for what comes from a call.
 */
const framesOf = (name) => {
  const tile = [...document.querySelectorAll('figure')]
    .find((figure) => figure.querySelector('figcaption')?.innerText.trim().startsWith(name));
  const video = tile?.querySelector('video');
  if (!video) return -1;
  if (video.framesShown === undefined) {
    video.framesShown = 0;
    const count = () => {
      video.framesShown += 1;
      video.requestVideoFrameCallback(count);
    };
    video.requestVideoFrameCallback(count);
  }
  return video.framesShown;
};

const browser = await puppeteer.launch({
  browser: 'firefox',
  executablePath: process.argv[2],
  headless: true,
  extraPrefsFirefox: {
    'media.navigator.streams.fake': true,
    'media.navigator.permission.disabled': true,
    'media.peerconnection.ice.obfuscate_host_addresses': false,
  },
});
const page = await browser.newPage();
await page.evaluateOnNewDocument(WATCH_PEERS);

const orders = {
  async join({ link, name }) {
    await page.goto(link);
    const field = await page.waitForSelector('form input[type=text]');
    await field.type(name);
    await Promise.all([page.waitForNavigation(), page.click('button.entrance-join')]);
    return page.url();
  },
  received: () => page.evaluate(received),
  frames: ({ name }) => page.evaluate(framesOf, name),
  engine: () => browser.version(),
  picture: ({ path }) => page.screenshot({ path }).then(() => path),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { order, ...details } = JSON.parse(line);
  let answer;
  try {
    answer = { value: (await orders[order](details)) ?? null };
  } catch (error) {
    answer = { error: String(error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await browser.close();

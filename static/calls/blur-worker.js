/*
 * Finds the person in each picture and blurs the rest, away from the page's own thread. A classic worker, because
 * @mediapipe/selfie_segmentation is a classic script. Told what to do by blur.js:
 *
 *   {load: {files}}                            once: where each file of the package is
 *   {begin: {run, readable, writable}}         one camera: frames come and go by streams, or without these by messages
 *   {run, frame}                               the answer to {run, wanted}; null: no camera any more
 *   {run, pace: {interval, live}}              ms between two frames; whether pictures go out, or are only measured
 *   {run, end: true}
 *
 * and says {loaded}, {failed}, {run, took, live} of each frame, in ms, and, without streams, {run, wanted} and
 * {run, picture}.
 */

// The sizes the two models see. Both are given what they see and no more: where there is no GPU, a frame costs by the pixel.
const LANDSCAPE = { selection: 1, width: 256, height: 144 };
const PORTRAIT = { selection: 0, width: 256, height: 256 };
const HALVINGS = 4; // of the picture a model sees: how blurred the background is

/*
 * The package knows workers, but hands its model to importScripts and then misses its drawing context. As a page it
 * works: all it asks of one is to load a script and to make a canvas.
 */
self.window = self;
self.document = {
  addEventListener() {},
  createElement: (name) => (name === "script" ? new ScriptElement() : glCanvas()),
  body: { appendChild: (script) => script.run() },
};

class ScriptElement {
  #source = "";
  #listeners = new Map();

  setAttribute(name, value) {
    if (name === "src") this.#source = value;
  }

  addEventListener(type, listener) {
    this.#listeners.set(type, listener);
  }

  run() {
    importScripts(this.#source);
    this.#listeners.get("load")();
  }
}

/** A driver that gives up would leave every mask empty. */
function glCanvas() {
  const canvas = new OffscreenCanvas(1, 1);
  canvas.addEventListener("webglcontextlost", () => fail(new Error("The drawing context is lost.")));
  return canvas;
}

function fail(error) {
  postMessage({ failed: String(error) });
  close();
}

const canvas2d = (width, height) => new OffscreenCanvas(width, height).getContext("2d");

class Segmenter {
  #package;
  #input = canvas2d(LANDSCAPE.width, LANDSCAPE.height);
  #model = null;
  #mask = null;

  async load(files) {
    const locateFile = (name) => files[name];
    importScripts(files["selfie_segmentation.js"]);
    this.#package = new SelfieSegmentation({ locateFile });
    // On the processor: as fast everywhere as a good GPU nearly is, and forty times as fast as a GPU that is not there.
    this.#package.setOptions({ modelSelection: LANDSCAPE.selection, selfieMode: false, useCpuInference: true });
    this.#model = LANDSCAPE;
    this.#package.onResults(({ image, segmentationMask }) => {
      image.close();
      this.#mask = segmentationMask;
    });
    await this.#package.initialize();
  }

  /** @param {OffscreenCanvas} picture @returns {Promise<{seen: OffscreenCanvas, mask: ImageBitmap}>} as the model saw it */
  async find(picture) {
    const model = picture.width >= picture.height ? LANDSCAPE : PORTRAIT;
    const { canvas } = this.#input;
    if (model !== this.#model) {
      this.#model = model;
      Object.assign(canvas, { width: model.width, height: model.height });
      this.#package.setOptions({ modelSelection: model.selection });
    }
    this.#input.drawImage(picture, 0, 0, canvas.width, canvas.height);
    await this.#package.send({ image: canvas });
    return { seen: canvas, mask: this.#mask };
  }
}

/** Halves a picture and doubles it again: soft in every browser, where the filter of a canvas is not, and cheap. */
class Softener {
  #steps = [];
  #size = "";

  /** @returns {OffscreenCanvasRenderingContext2D} as large as the picture, to be drawn upon until the next call */
  soften(picture) {
    const size = `${picture.width}x${picture.height}`;
    if (size !== this.#size) {
      this.#size = size;
      this.#steps = Array.from({ length: HALVINGS + 1 }, (_, step) => {
        const context = canvas2d(Math.ceil(picture.width / 2 ** step), Math.ceil(picture.height / 2 ** step));
        context.globalCompositeOperation = "copy";
        return context;
      });
    }
    const [whole, ...halves] = this.#steps;
    let last = picture;
    for (const context of [...halves, ...halves.slice(0, -1).reverse(), whole]) {
      context.drawImage(last, 0, 0, context.canvas.width, context.canvas.height);
      last = context.canvas;
    }
    return whole;
  }
}

class Painter {
  #segmenter;
  #softener = new Softener();
  #context = canvas2d(1, 1);

  /** @param {Segmenter} segmenter */
  constructor(segmenter) {
    this.#segmenter = segmenter;
  }

  /** @param {VideoFrame | ImageBitmap} frame @returns {Promise<OffscreenCanvas>} as large as the frame, good until the next */
  async paint(frame) {
    const context = this.#context;
    const { canvas } = context;
    const width = frame.displayWidth ?? frame.width;
    const height = frame.displayHeight ?? frame.height;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    context.drawImage(frame, 0, 0, width, height);
    const { seen, mask } = await this.#segmenter.find(canvas);
    // Nobody's part of the picture, soft, over the whole one: all but one step at the small size.
    const soft = this.#softener.soften(seen);
    soft.globalCompositeOperation = "destination-out";
    soft.drawImage(mask, 0, 0, soft.canvas.width, soft.canvas.height);
    soft.globalCompositeOperation = "copy";
    mask.close();
    context.drawImage(soft.canvas, 0, 0, width, height);
    return canvas;
  }
}

/** The camera's track, read and written here: the page has no part in it. */
class StreamPort {
  #reader;
  #writer;

  constructor({ readable, writable }) {
    this.#reader = readable.getReader();
    this.#writer = writable.getWriter();
  }

  /** What was taken while the last frame was worked on is stale: it is let go. @param {number} due ms */
  async next(due) {
    for (;;) {
      const { value: frame } = await this.#reader.read();
      if (!frame || performance.now() >= due) return frame ?? null;
      frame.close();
    }
  }

  async put(canvas, { timestamp }) {
    await this.#writer.write(new VideoFrame(canvas, { timestamp, alpha: "discard" }));
  }

  end() {
    this.#reader.cancel().catch(() => {});
    this.#writer.close().catch(() => {});
  }
}

/** Frames asked of the page, where a browser cannot hand the track over. */
class PagePort {
  #run;
  #given = null;
  #ended = false;

  constructor({ run }) {
    this.#run = run;
  }

  async next(due) {
    const wait = due - performance.now();
    if (wait > 0) await new Promise((resolve) => { setTimeout(resolve, wait); });
    if (this.#ended) return null;
    return new Promise((resolve) => {
      this.#given = resolve;
      postMessage({ run: this.#run, wanted: true });
    });
  }

  give(frame) {
    if (this.#given) this.#given(frame);
    else frame?.close();
    this.#given = null;
  }

  put(canvas) {
    const picture = canvas.transferToImageBitmap();
    postMessage({ run: this.#run, picture }, [picture]);
  }

  end() {
    this.#ended = true;
    this.give(null);
  }
}

/** One camera, until another comes or it stops. */
class Run {
  number;
  port;
  #interval = 0;
  #isLive = false;
  #ended = false;

  constructor({ run, readable, writable }) {
    this.number = run;
    this.port = readable ? new StreamPort({ readable, writable }) : new PagePort({ run });
  }

  pace({ interval, live }) {
    this.#interval = interval;
    this.#isLive = live;
  }

  /** @param {Painter} painter @param {Promise<void>} before the former run, which may still work on a frame */
  async go(painter, before) {
    await before;
    let due = 0;
    while (!this.#ended) {
      const frame = await this.port.next(due);
      if (!frame) return;
      try {
        const began = performance.now();
        due = began + this.#interval;
        const canvas = await painter.paint(frame);
        const took = performance.now() - began;
        const live = this.#isLive;
        if (live && !this.#ended) await this.port.put(canvas, frame);
        postMessage({ run: this.number, took, live });
      } catch (error) {
        if (!this.#ended) throw error;
      } finally {
        frame.close();
      }
    }
  }

  end() {
    this.#ended = true;
    this.port.end();
  }
}

let painter = null;
let current = null;
let going = Promise.resolve();

async function load({ files }) {
  const segmenter = new Segmenter();
  await segmenter.load(files);
  painter = new Painter(segmenter);
  postMessage({ loaded: true });
}

function begin(message) {
  current?.end();
  current = new Run(message);
  going = current.go(painter, going);
  going.catch(fail);
}

self.addEventListener("message", ({ data }) => {
  if (data.load) load(data.load).catch(fail);
  else if (data.begin) begin(data.begin);
  else if (data.run !== current?.number) data.frame?.close();
  else if (data.pace) current.pace(data.pace);
  else if (data.end) current.end();
  else current.port.give(data.frame);
});

/**
 * Where each picture goes on the stage, for any window: pure geometry in CSS pixels, no DOM.
 *
 * Pictures keep their shape and never lie over each other, but for the self-view, which may lie on the corner of one large
 * picture, though never on a name (rule C7).
 */

/** @typedef {{x: number, y: number, width: number, height: number}} Box */
/** @typedef {'bottom-right' | 'bottom-left' | 'top-left' | 'top-right'} Corner the order in which the self-view moves */
/**
 * @typedef {object} Scene
 * @property {number} width of the stage
 * @property {number} height
 * @property {readonly number[]} shapes of the others' pictures, width by height, in the order of their places
 * @property {number | null} screen the shape of a shared screen
 * @property {number | null} featured index of who is shown large
 * @property {Corner | null} self null: hidden
 */
/**
 * @typedef {object} Arrangement
 * @property {readonly Box[]} tiles
 * @property {readonly number[]} nameRooms how wide each tile's name may be
 * @property {Box | null} screen
 * @property {Box | null} self
 * @property {boolean} selfMoves whether the self-view is in a corner of its own choice
 */

export const WIDE = 16 / 9;
export const GAP = 8;
/** @type {readonly Corner[]} */
export const CORNERS = ["bottom-right", "bottom-left", "top-left", "top-right"];

const NAME = 40; // height of the band at the bottom of a tile in which its name is, its distance included
const NAME_LEAST = 0.45; // of a tile's width
const WORTH_CLEARING = 0.9; // of their size is what the others give so that the self-view covers nobody

const between = (least, value, most) => Math.min(Math.max(least, value), most);

/** @param {Box} one @param {Box} other @returns {boolean} */
export function overlap(one, other) {
  return one.x < other.x + other.width && other.x < one.x + one.width
    && one.y < other.y + other.height && other.y < one.y + one.height;
}

/** The largest box of that shape in the middle of an area. @returns {Box} */
function fit({ x, y, width, height }, shape) {
  const wide = Math.max(0, Math.min(width, height * shape));
  const high = wide / shape;
  return { x: x + (width - wide) / 2, y: y + (height - high) / 2, width: wide, height: high };
}

/** The largest boxes of one shape, in rows; a last row that is not full stands in the middle. @returns {Box[]} */
function grid(area, count, shape, widest = Infinity) {
  let best = { wide: -Infinity, columns: 1 };
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    const [across, down] = [area.width - GAP * (columns - 1), area.height - GAP * (rows - 1)];
    const wide = Math.min(across / columns, down / rows * shape, widest);
    if (wide >= best.wide) best = { wide, columns };
  }
  const { columns } = best;
  const wide = Math.max(0, best.wide);
  const high = wide / shape;
  const rows = Math.ceil(count / columns);
  const top = area.y + (area.height - rows * high - (rows - 1) * GAP) / 2;
  return Array.from({ length: count }, (_, index) => {
    const row = Math.floor(index / columns);
    const inRow = row === rows - 1 ? count - row * columns : columns;
    const left = area.x + (area.width - inRow * wide - (inRow - 1) * GAP) / 2;
    return { x: left + (index % columns) * (wide + GAP), y: top + row * (high + GAP), width: wide, height: high };
  });
}

/** Small, but a face can be made out. @returns {{width: number, height: number}} */
function selfSize({ width, height }) {
  const wide = Math.min(between(104, width * 0.15, Math.max(240, width * 0.125)), height * 0.35 * WIDE);
  return { width: wide, height: wide / WIDE };
}

/** @param {Box} area @param {Corner} corner @returns {Box} */
function inCorner(area, corner, { width, height }, inset) {
  return {
    x: corner.endsWith("left") ? area.x + inset : area.x + area.width - width - inset,
    y: corner.startsWith("top") ? area.y + inset : area.y + area.height - height - inset,
    width,
    height,
  };
}

/** What is left of an area beside, and above or below, the self-view. @returns {Box[]} */
function cleared(area, corner, { width, height }) {
  const [beside, along] = [width + GAP, height + GAP];
  return [
    { ...area, x: area.x + (corner.endsWith("left") ? beside : 0), width: area.width - beside },
    { ...area, y: area.y + (corner.startsWith("top") ? along : 0), height: area.height - along },
  ];
}

const nameBand = ({ x, y, width, height }) => ({ x, y: y + height - NAME, width, height: NAME });

/** Everybody the same size. */
function asGrid(area, shapes, corner) {
  const alone = shapes.length === 1;
  const upright = shapes.every((shape) => shape < 1);
  const shape = alone ? between(9 / 16, shapes[0], WIDE) : (upright ? 3 / 4 : WIDE);
  const arrange = (room) => grid(room, shapes.length, shape);
  const tiles = arrange(area);
  if (!corner) return { tiles, self: null };
  const size = selfSize(area);
  const self = inCorner(area, corner, size, 0);
  if (!tiles.some((tile) => overlap(tile, self))) return { tiles, self };
  const [best] = cleared(area, corner, size).map(arrange).sort((one, other) => other[0].width - one[0].width);
  if (best[0].width >= tiles[0].width * WORTH_CLEARING) return { tiles: best, self };
  return { tiles, self: clearOfNames(area, tiles, corner, size) };
}

/** In its corner, but above a name that would be under it. @returns {Box} */
function clearOfNames(area, tiles, corner, size) {
  const self = inCorner(area, corner, size, GAP);
  const hidden = tiles.map(nameBand).filter((band) => overlap(band, self));
  const names = hidden.filter((band) => self.x - GAP - band.x < band.width * NAME_LEAST);
  if (!names.length) return self;
  return { ...self, y: Math.min(...names.map(({ y }) => y)) - size.height };
}

/** One picture large; the others, and the self-view as the last of them, beside or below it. */
function asStrip(area, shape, count) {
  if (!count) return { large: fit(area, shape), cells: [] };
  const { width, height } = area;
  if (width >= height) {
    const free = width - GAP - Math.min(width, height * shape); // beside a large picture as high as the stage
    const side = Math.max(between(112, width * 0.2, 320), Math.min(free, width * 0.45));
    const cells = grid({ ...area, width: side }, count, WIDE, Math.min(320, height * 0.45 * WIDE));
    const [left, right] = [Math.min(...cells.map(({ x }) => x)), Math.max(...cells.map((cell) => cell.x + cell.width))];
    const shift = area.x + width - right;
    const large = fit({ ...area, width: width - (right - left) - GAP }, shape);
    return { large, cells: cells.map((cell) => ({ ...cell, x: cell.x + shift })) };
  }
  const large = fit({ ...area, height: height * 0.6 }, shape);
  const below = { ...area, height: height - large.height - GAP };
  const cells = grid({ ...below, y: 0 }, count, WIDE, (width - GAP) / 2);
  const used = cells.at(-1).y + cells.at(-1).height - cells[0].y;
  const top = area.y + Math.max(0, (height - large.height - GAP - used) / 2);
  const shift = top + large.height + GAP - cells[0].y;
  return { large: { ...large, y: top }, cells: cells.map((cell) => ({ ...cell, y: cell.y + shift })) };
}

/** @param {Scene} scene @returns {Arrangement} */
export function arrange({ width, height, shapes, screen, featured, self: corner }) {
  const area = { x: 0, y: 0, width, height };
  if (screen !== null || (featured !== null && shapes.length > 1)) {
    const large = screen ?? between(9 / 16, shapes[featured], WIDE);
    const small = shapes.length - (screen === null ? 1 : 0);
    const strip = asStrip(area, large, small + (corner ? 1 : 0));
    const cells = [...strip.cells];
    const tiles = shapes.map((_, index) => (screen === null && index === featured ? strip.large : cells.shift()));
    const self = corner ? cells.shift() : null;
    return { tiles, nameRooms: tiles.map(roomOf), screen: screen === null ? null : strip.large, self, selfMoves: false };
  }
  if (!shapes.length) {
    return { tiles: [], nameRooms: [], screen: null, self: corner && inCorner(area, corner, selfSize(area), 0), selfMoves: true };
  }
  const { tiles, self } = asGrid(area, shapes, corner);
  return { tiles, nameRooms: tiles.map((tile) => roomBeside(tile, self)), screen: null, self, selfMoves: true };
}

const roomOf = ({ width }) => width - 2 * GAP;

/** A name ends before the self-view. */
function roomBeside(tile, self) {
  return self && overlap(nameBand(tile), self) ? self.x - tile.x - 2 * GAP : roomOf(tile);
}

import assert from "node:assert/strict";
import { test } from "node:test";

import { arrange, CORNERS, GAP, overlap, WIDE } from "../../static/calls/layout.js";

const STAGES = [[390, 700], [320, 440], [844, 296], [640, 260], [800, 390], [1280, 690], [920, 690], [1904, 960], [3400, 1300], [600, 600]];
const SHAPES = [[WIDE], [3 / 4], [9 / 16], [WIDE, WIDE], [3 / 4, 9 / 16], [WIDE, 9 / 16], [WIDE, WIDE, WIDE], [3 / 4, 3 / 4, 3 / 4], []];
const near = (one, other) => Math.abs(one - other) < 0.01;

/** Every scene a stage can be in. */
function* scenes() {
  for (const [width, height] of STAGES) {
    for (const shapes of SHAPES) {
      for (const self of [...CORNERS, null]) {
        const modes = [{ screen: null, featured: null }, ...shapes.map((_, featured) => ({ screen: null, featured }))];
        if (shapes.length) modes.push({ screen: WIDE, featured: null }, { screen: 4 / 3, featured: null }, { screen: 0.5, featured: null });
        for (const mode of modes) yield { width, height, shapes, self, ...mode };
      }
    }
  }
}

const what = (scene) => JSON.stringify(scene);

test("everything is inside the stage, in every scene", () => {
  for (const scene of scenes()) {
    const { tiles, screen, self } = arrange(scene);
    for (const box of [...tiles, screen, self].filter(Boolean)) {
      assert.ok(box.x >= -0.01 && box.y >= -0.01, what(scene));
      assert.ok(box.x + box.width <= scene.width + 0.01 && box.y + box.height <= scene.height + 0.01, what(scene));
      assert.ok(box.width > 40 && box.height > 20, what(scene) + JSON.stringify(box));
    }
  }
});

test("nobody lies over anybody", () => {
  for (const scene of scenes()) {
    const { tiles, screen } = arrange(scene);
    const boxes = [...tiles, ...(screen ? [screen] : [])];
    boxes.forEach((box, index) => {
      for (const other of boxes.slice(index + 1)) assert.ok(!overlap(box, other), what(scene));
    });
  }
});

test("pictures keep their shape: 16 to 9, unless those of a telephone held upright are all there is", () => {
  for (const scene of scenes()) {
    const { tiles } = arrange(scene);
    const upright = scene.shapes.every((shape) => shape < 1);
    tiles.forEach(({ width, height }, index) => {
      const large = index === scene.featured || tiles.length === 1;
      const expected = [WIDE, ...(upright && scene.screen === null ? [3 / 4] : []), ...(large ? [scene.shapes[index]] : [])];
      assert.ok(expected.some((shape) => near(width / height, shape)), what(scene));
    });
  }
});

test("the self-view covers no name, and is smaller than the others", () => {
  for (const scene of scenes()) {
    const { tiles, nameRooms, screen, self } = arrange(scene);
    if (!self) continue;
    tiles.forEach((tile, index) => {
      const name = { x: tile.x + GAP, y: tile.y + tile.height - 40, width: nameRooms[index], height: 40 };
      assert.ok(name.width >= Math.min(60, tile.width - 2 * GAP), `${what(scene)} leaves ${name.width} px for a name`);
      assert.ok(!overlap(name, self), what(scene));
      assert.ok(self.width <= tile.width + 0.01 || self.height <= tile.height + 0.01, what(scene));
    });
    assert.ok(!screen || !overlap(screen, self), what(scene));
  }
});

test("the self-view goes to the corner it is moved to", () => {
  const at = (self) => arrange({ width: 1280, height: 690, shapes: [WIDE, WIDE], screen: null, featured: null, self }).self;
  const [width, height] = [1280, 690];
  assert.ok(at("bottom-right").x > width / 2 && at("bottom-right").y > height / 2);
  assert.ok(at("bottom-left").x < width / 2 && at("bottom-left").y > height / 2);
  assert.ok(at("top-left").x < width / 2 && at("top-left").y < height / 2);
  assert.ok(at("top-right").x > width / 2 && at("top-right").y < height / 2);
});

test("a shared screen, or who is featured, is the largest", () => {
  for (const scene of scenes()) {
    const { tiles, screen } = arrange(scene);
    const area = ({ width, height }) => width * height;
    const large = screen ?? (scene.featured !== null && tiles.length > 1 ? tiles[scene.featured] : null);
    if (!large || scene.screen === 0.5) continue;
    const others = tiles.filter((tile) => tile !== large);
    assert.ok(others.every((tile) => area(tile) < area(large)), what(scene));
  }
});

test("two stand side by side in a wide window and one above the other in an upright one", () => {
  const both = (width, height) => arrange({ width, height, shapes: [WIDE, WIDE], screen: null, featured: null, self: null }).tiles;
  const [left, right] = both(1280, 690);
  assert.equal(left.y, right.y);
  const [upper, lower] = both(390, 700);
  assert.equal(upper.x, lower.x);
});

test("a telephone held upright fills its stage with one upright picture", () => {
  const [tile] = arrange({ width: 390, height: 700, shapes: [9 / 16], screen: null, featured: null, self: "bottom-right" }).tiles;
  assert.ok(tile.height > 600);
});

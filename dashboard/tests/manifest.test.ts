import "./english.ts";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { copy } from "../src/copy.ts";

const shown = (path: string): string => readFileSync(path, "utf8");
const manifest = JSON.parse(shown("public/manifest.webmanifest"));

/** Width and height, as they stand in the head of a PNG. */
function sizes(path: string): string {
  const png = readFileSync(path);
  return `${png.readUInt32BE(16)}x${png.readUInt32BE(20)}`;
}

test("the installed page has the words and colours of the page", () => {
  assert.equal(manifest.name, copy.name);
  const names = manifest.shortcuts.map((one: { name: string; url: string }) => [one.name, one.url]);
  assert.deepEqual(names, [
    [copy.pauseFirst, "/#pause"],
    [copy.breathe.title, "/#breathe"],
  ]);
  const grounds = [...shown("src/styles/tokens.css").matchAll(/--ground: (#\w{6})/g)].map((found) => found[1]);
  const bars = [...shown("index.html").matchAll(/theme-color" content="(#\w{6})"/g)].map((found) => found[1]);
  assert.deepEqual(bars, grounds);
  assert.equal(manifest.background_color, grounds[0]);
  assert.equal(manifest.theme_color, grounds[0]);
});

test("every icon is as large as it says", () => {
  const drawn = manifest.icons.filter((icon: { type: string }) => icon.type === "image/png");
  assert.equal(drawn.length, 3);
  for (const icon of drawn) assert.equal(sizes(`public${icon.src}`), icon.sizes);
  assert.equal(sizes("public/apple-touch-icon.png"), "180x180");
});

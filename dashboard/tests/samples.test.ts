import assert from "node:assert/strict";
import { test } from "node:test";
import { barLength, decodeSamples, SampleRing, type Samples, scaleOf } from "../src/samples.ts";

/** A frame as `docs/protocol.md` lays it out. */
function frame(width: 2 | 3 | 4, values: readonly number[], { signal = 1, channels = 1, version = 1 } = {}): ArrayBuffer {
  const buffer = new ArrayBuffer(56 + width * values.length);
  const view = new DataView(buffer);
  view.setUint8(0, version);
  view.setUint8(1, signal);
  view.setUint8(2, channels);
  view.setUint8(3, width);
  view.setUint32(4, 7, true);
  view.setUint32(8, values.length / channels, true);
  view.setFloat64(12, 1500.25, true);
  view.setFloat64(20, 7.6923, true);
  view.setBigUint64(28, 599_616_000_000_000_000n, true);
  view.setUint32(36, 3, true);
  view.setFloat64(40, 4.5, true);
  view.setFloat64(48, NaN, true);
  values.forEach((value, i) => {
    for (let k = 0; k < width; k++) view.setUint8(56 + i * width + k, (value >> (8 * k)) & 0xff);
  });
  return buffer;
}

function samples(t_ms: number, values: readonly number[], channels = 1, segment = 0): Samples {
  return { signal: "ecg", channels, frame: 1, t_ms, interval_ms: 10, segment, values };
}

for (const width of [2, 3, 4] as const) {
  test(`values of ${width} bytes are read with their sign`, () => {
    const values = [0, 1, -1, 32_767, -32_768, 1019, -218];
    const read = decodeSamples(frame(width, values));
    assert.deepEqual([...Array.from(read?.values ?? [])], values);
    assert.equal(read?.frame, 7);
    assert.equal(read?.t_ms, 1500.25);
    assert.equal(read?.interval_ms, 7.6923);
    assert.equal(read?.segment, 3);
  });
}

test("the widest values of three and four bytes", () => {
  assert.deepEqual(Array.from(decodeSamples(frame(3, [8_388_607, -8_388_608]))?.values ?? []), [8_388_607, -8_388_608]);
  assert.deepEqual(Array.from(decodeSamples(frame(4, [-2_147_483_648]))?.values ?? []), [-2_147_483_648]);
});

test("what is no frame, or none that is drawn, is nothing", () => {
  assert.equal(decodeSamples(new ArrayBuffer(3)), null);
  assert.equal(decodeSamples(frame(2, [1], { version: 2 })), null);
  assert.equal(decodeSamples(frame(2, [1], { signal: 3 })), null);
  assert.equal(decodeSamples(frame(2, [1, 2, 3]).slice(0, -1)), null);
});

test("samples lie before the last one, one interval apart", () => {
  const ring = new SampleRing();
  ring.push(samples(100, [1, 2, 3]), null);
  assert.deepEqual(ring.between(0, 200).map((s) => s.t_ms), [80, 90, 100]);
  assert.deepEqual(ring.between(85, 95).map((s) => s.values), [[2]]);
});

test("three channels make one sample", () => {
  const ring = new SampleRing();
  ring.push(samples(100, [1, 2, 3, 4, 5, 6], 3), null);
  assert.deepEqual(ring.between(0, 200).map((s) => s.values), [[1, 2, 3], [4, 5, 6]]);
  assert.equal(ring.channels, 3);
});

test("the line breaks where samples are missing, and nothing is kept twice", () => {
  const ring = new SampleRing();
  ring.push(samples(20, [1, 2, 3]), null);
  ring.push(samples(20, [1, 2, 3]), null);
  ring.push(samples(30, [4]), null);
  ring.push(samples(80, [5, 6]), null);
  assert.deepEqual(ring.between(0, 99).map((s) => s.joined), [false, true, true, true, false, true]);
});

test("the line breaks where a segment begins, however close it lies", () => {
  const ring = new SampleRing();
  ring.push(samples(20, [1, 2], 1, 0), null);
  ring.push(samples(40, [3, 4], 1, 1), null);
  ring.push(samples(50, [5], 1, 1), null);
  assert.deepEqual(ring.between(0, 99).map((s) => s.joined), [false, true, false, true, true]);
});

test("only the last seconds are kept", () => {
  const ring = new SampleRing(1000);
  for (let k = 1; k <= 300; k++) ring.push(samples(k * 10, [k]), null);
  assert.deepEqual([ring.between(0, 9999).length, ring.between(0, 9999)[0]?.t_ms], [101, 2000]);
});

test("it is drawn so late that the next packet is there in time", () => {
  const ring = new SampleRing();
  assert.equal(ring.lagMs, 300);
  ring.push(samples(730, Array.from({ length: 73 }, (_, i) => i)), 900);
  assert.equal(ring.lagMs, 890);
  ring.push(samples(1460, Array.from({ length: 73 }, (_, i) => i)), 90_000);
  assert.equal(ring.lagMs, 3000, "a queue that comes late does not hold everything up");
});

test("all lanes share one scale, and noise is not blown up", () => {
  const ring = new SampleRing();
  ring.push(samples(20, [0, 1000, 4, 1010], 2), null);
  const scale = scaleOf(ring.between(0, 99), 100);
  assert.deepEqual(scale, { middles: [2, 1005], span: 100 });
  ring.push(samples(30, [400, 1005], 2), null);
  assert.equal(scaleOf(ring.between(0, 99), 100)?.span, 400 * 1.15);
  assert.equal(scaleOf([], 100), null);
});

test("a bar is a round number", () => {
  assert.deepEqual([1000, 1700, 3100, 100, 33].map(barLength), [500, 500, 1000, 50, 10]);
});

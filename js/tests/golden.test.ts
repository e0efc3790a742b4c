/** Golden frames written by Python, read here: both languages hold to one specification. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { ChartStore } from "../src/store/store";
import { readPacket } from "../src/wire/packet";

const FOLDER = fileURLToPath(new URL("../../tests/golden/", import.meta.url));
const NAMES = (existsSync(FOLDER) ? readdirSync(FOLDER) : [])
  .filter((name) => name.endsWith(".bin"))
  .map((name) => name.slice(0, -4));

function* packets(bytes: Buffer): Generator<DataView> {
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32LE(at);
    yield new DataView(bytes.buffer, bytes.byteOffset + at + 4, length);
    at += 4 + length;
  }
}

const plain = (values: Float64Array) => [...values].map((v) => (Number.isNaN(v) ? null : v));

function held(store: ChartStore): object {
  const series = store.series.map(({ track }) => ({ x: plain(track.x), y: plain(track.y) }));
  return { generation: store.generation, sequence: store.sequence, series };
}

describe("golden frames", () => {
  it("are there", () => expect(NAMES.length).toBeGreaterThan(0));

  it.each(NAMES)("%s ends in the arrays that Python expects", (name) => {
    const stores: Record<string, ChartStore> = {};
    for (const packet of packets(readFileSync(`${FOLDER}${name}.bin`))) {
      for (const frame of readPacket(packet)) {
        stores[frame.chart] ??= new ChartStore();
        stores[frame.chart]?.apply(frame);
      }
    }
    const expected = JSON.parse(readFileSync(`${FOLDER}${name}.json`, "utf8"));
    const found = Object.entries(stores).map(([chart, store]) => [chart, held(store)]);
    expect(Object.fromEntries(found)).toMatchObject(expected.charts);
  });
});

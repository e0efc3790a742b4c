/**
 * A Node program for the Python tests: packets in, the browser's arrays out.
 *
 * Reads u32-length-prefixed packets from stdin; after each writes one u32-length-prefixed dump of
 * all stores in order of chart: u32 chart, generation, sequence, needs_snapshot, number of series,
 * then for each series u32 n, f64[n] x, f64[n] y. Little-endian throughout.
 */
import { ChartStore } from "./store/store";
import { readPacket } from "./wire/packet";

function dump(stores: Map<number, ChartStore>): Buffer {
  const pieces: Buffer[] = [];
  const words = (...values: number[]) =>
    pieces.push(Buffer.from(new Uint32Array(values).buffer as ArrayBuffer));
  for (const [chart, store] of [...stores].sort(([a], [b]) => a - b)) {
    const needs = Number(store.needsSnapshot);
    words(chart, store.generation, store.sequence, needs, store.series.length);
    for (const { track } of store.series) {
      words(track.length);
      for (const a of [track.x, track.y]) pieces.push(Buffer.from(new Float64Array(a).buffer));
    }
  }
  return Buffer.concat(pieces);
}

function apply(stores: Map<number, ChartStore>, packet: Buffer): void {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  for (const frame of readPacket(view)) {
    const store = stores.get(frame.chart) ?? new ChartStore();
    stores.set(frame.chart, store);
    store.apply(frame);
  }
}

const stores = new Map<number, ChartStore>();
let pending = Buffer.alloc(0);
process.stdin.on("data", (chunk: Buffer) => {
  pending = Buffer.concat([pending, chunk]);
  while (pending.length >= 4 && pending.length >= 4 + pending.readUInt32LE(0)) {
    const end = 4 + pending.readUInt32LE(0);
    apply(stores, pending.subarray(4, end));
    pending = pending.subarray(end);
    const out = dump(stores);
    const prefix = Buffer.alloc(4);
    prefix.writeUInt32LE(out.length);
    process.stdout.write(Buffer.concat([prefix, out]));
  }
});

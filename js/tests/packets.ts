/** Writes packets the slow and readable way, for the tests alone; see `wire/layout.md`. */

export interface SectionSpec {
  series: number;
  trim?: number;
  cut?: number;
  patches?: { start: number; remove: number; x: number[]; y: number[] }[];
  x?: number[];
  y?: number[];
}

export interface FrameSpec {
  chart?: number;
  generation?: number;
  sequence: number;
  base?: number;
  flags?: number;
  part?: number;
  parts?: number;
  viewport?: number;
  origin?: bigint;
  start?: number;
  stop?: number;
  arrival?: number;
  series?: string[];
  sections?: SectionSpec[];
}

class Writer {
  bytes: number[] = [];

  #add(size: number, write: (view: DataView) => void): this {
    const view = new DataView(new ArrayBuffer(size));
    write(view);
    this.bytes.push(...new Uint8Array(view.buffer));
    return this;
  }

  u16 = (value: number) => this.#add(2, (v) => v.setUint16(0, value, true));
  u32 = (value: number) => this.#add(4, (v) => v.setUint32(0, value, true));
  i64 = (value: bigint) => this.#add(8, (v) => v.setBigInt64(0, value, true));
  f64 = (value: number) => this.#add(8, (v) => v.setFloat64(0, value, true));
}

function writeSection(out: Writer, spec: SectionSpec): void {
  const { series, trim = 0, cut = 0, patches = [], x = [], y = [] } = spec;
  out.u32(series).u32(trim).u32(cut).u32(patches.length).u32(x.length).u32(0);
  for (const p of patches) out.u32(p.start).u32(p.remove).u32(p.x.length).u32(0);
  for (const value of [...patches.flatMap((p) => p.x), ...x]) out.f64(value);
  for (const value of [...patches.flatMap((p) => p.y), ...y]) out.f64(value);
}

function writeFrame(spec: FrameSpec): number[] {
  const sections = spec.sections ?? [];
  const json = spec.series && JSON.stringify({ series: spec.series.map((name) => ({ name })) });
  const meta = [...new TextEncoder().encode(json ?? "")];
  const out = new Writer();
  out.u32(0).u32(spec.chart ?? 1);
  out
    .u32(spec.generation ?? 1)
    .u32(spec.sequence)
    .u32(spec.base ?? 0);
  out.u16(spec.flags ?? (spec.series ? 3 : 2)).u16(sections.length);
  out.u16(spec.part ?? 0).u16(spec.parts ?? 1);
  out
    .u32(spec.viewport ?? 0)
    .u32(meta.length)
    .u32(0);
  out
    .i64(spec.origin ?? 0n)
    .f64(spec.start ?? 0)
    .f64(spec.stop ?? 1e9);
  out.f64(spec.arrival ?? Number.NaN);
  out.bytes.push(...meta, ...new Array((8 - (meta.length % 8)) % 8).fill(0));
  for (const section of sections) writeSection(out, section);
  const length = new Writer().u32(out.bytes.length).bytes;
  return [...length, ...out.bytes.slice(4)];
}

/** A packet of `frames` that stands `shift` bytes into its buffer. */
export function packet(frames: FrameSpec[], shift = 0): DataView {
  const body = frames.flatMap(writeFrame);
  const out = new Writer()
    .u32(0x3150574c)
    .u32(7)
    .u32(frames.length)
    .u32(16 + body.length);
  const bytes = Uint8Array.from([...new Array(shift).fill(255), ...out.bytes, ...body]);
  return new DataView(bytes.buffer, shift);
}

/** A snapshot of two series, a and b, with the same values. */
export function snapshot(sequence: number, y: number[] = [1, 2]): FrameSpec {
  return {
    sequence,
    series: ["a", "b"],
    stop: 10,
    sections: [0, 1].map((series) => ({ series, x: y.map((_, i) => i), y })),
  };
}

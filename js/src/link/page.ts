/** The page's end of the link: one listener, one client, one clock and one stream of acks. */
import type { Frame } from "../data/frame";
import type { Status } from "../data/status";
import { type ChartAck, readMessage, type Save, type Tick, type ToKernel } from "../wire/messages";
import { readPacket } from "../wire/packet";
import { AckPace } from "./acks";
import { FramesAlive } from "./alive";
import { attempt, browserFrames, FrameClock, type Frames } from "./clock";
import { FirstWords } from "./first-words";
import { StrainGauge } from "./strain";

/** What the link needs of the page's widget model; `close` stops listening. */
export interface Channel {
  send(content: unknown, buffers?: ArrayBuffer[]): void;
  listen(message: (content: unknown, buffers: DataView[]) => void): void;
  onEnd(ended: (reason: string) => void): void;
  close(): void;
}

/** One chart, or one performance strip, that the link serves. */
export interface Port {
  frame?(frame: Frame): void;
  status?(status: Status): void;
  ended?(reason: string): void;
  save?(save: Save): void;
  download?(name: string, mime: string, bytes: DataView): void;
  /** The page came into sight or went, or the link fell silent or was heard again. */
  pageChanged?(): void;
  /** Counters since the last call; null while no view of the chart is in sight. */
  ack?(): ChartAck | null;
  /** Whether something of it is in sight, if only figures: it wants ticks. */
  watching?(): boolean;
}

const TIMER_MS = 250;
const SILENCE_MS = 5000;

export class PageLink {
  readonly client = crypto.getRandomValues(new Uint32Array(2)).join("-");
  readonly clock: FrameClock;
  /** Why the link is gone; null while it stands. */
  endReason: string | null = null;
  silent = false;
  #ports = new Map<number, Set<Port>>();
  #pace = new AckPace();
  #alive: FramesAlive;
  #strain = new StrainGauge();
  /** When, by `performance.now()`: a wall clock may be set. */
  #heard = performance.now();
  #first = new FirstWords(this.#heard);
  #timer: ReturnType<typeof setInterval> | null = null;
  #views = 0;

  constructor(
    private channel: Channel,
    frames: Frames = browserFrames,
  ) {
    this.clock = new FrameClock(frames, (ms) => this.#pace.spent(ms));
    this.#alive = new FramesAlive(frames, () => this.#sightChanged());
    channel.listen((content, buffers) => this.#receive(content, buffers));
    channel.onEnd((reason) => this.#end(reason));
    document.addEventListener("visibilitychange", this.#sightChanged);
    this.#timer = setInterval(() => this.#beat(), TIMER_MS);
  }

  /** Whether the page can be seen: its frames run and the browser says so. */
  get inSight(): boolean {
    return this.#alive.alive && document.visibilityState === "visible";
  }

  nextView(): number {
    this.#views += 1;
    return this.#views;
  }

  /** Serves `port` with what comes for `chart` until the returned function is called. */
  join(chart: number, port: Port): () => void {
    const ports = this.#ports.get(chart) ?? new Set();
    this.#ports.set(chart, ports.add(port));
    return () => {
      ports.delete(port);
      if (ports.size === 0 && this.#ports.get(chart) === ports) this.#ports.delete(chart);
    };
  }

  send(message: ToKernel, buffers: ArrayBuffer[] = []): void {
    if (this.endReason !== null) return;
    this.#first.said(message);
    this.channel.send({ ...message, client: this.client }, buffers);
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#strain.close();
    document.removeEventListener("visibilitychange", this.#sightChanged);
    this.channel.close();
  }

  #receive(content: unknown, buffers: DataView[]): void {
    const message = readMessage(content);
    if (message === null) return;
    const buffer = buffers[0];
    if (message.kind === "tick") this.#tick(message, buffer);
    else if (message.kind === "closed") this.#tell(message.chart, (p) => p.ended?.(message.reason));
    else if (message.kind === "save") this.#tell(message.chart, (p) => p.save?.(message));
    else if (message.client === this.client && buffer) {
      this.#tell(message.chart, (p) => p.download?.(message.name, message.mime, buffer));
    }
  }

  #tick(tick: Tick, packet: DataView | undefined): void {
    this.clock.settle();
    const now = Date.now();
    this.#heard = performance.now();
    if (this.silent) this.#setSilent(false);
    if (packet) this.#frames(packet);
    for (const [chart, status] of tick.status) this.#tell(chart, (p) => p.status?.(status));
    if (this.#pace.heard(tick.tick, tick.sent, now)) this.#acknowledge(now);
  }

  #frames(packet: DataView): void {
    let frames: Frame[];
    try {
      frames = readPacket(packet);
    } catch {
      // As good as lost: the next frame will not find its base and a snapshot is asked for.
      return;
    }
    for (const frame of frames) this.#tell(frame.chart, (p) => p.frame?.(frame));
    if (this.inSight) this.clock.hurry();
  }

  #tell(chart: number, tell: (port: Port) => void): void {
    for (const port of this.#ports.get(chart) ?? []) attempt(() => tell(port));
  }

  #tellAll(tell: (port: Port) => void): void {
    for (const chart of this.#ports.keys()) this.#tell(chart, tell);
  }

  #acknowledge(now: number): void {
    if (!this.inSight) return;
    const charts: Record<string, ChartAck> = {};
    let watched = false;
    for (const [chart, ports] of this.#ports) {
      for (const port of ports) {
        const ack = port.ack?.();
        if (ack) charts[chart] = ack;
        watched ||= ack != null || port.watching?.() === true;
      }
    }
    if (!watched) return;
    const { tick, sent, received, busy } = this.#pace;
    this.#pace.acknowledged(now);
    const page = this.#strain.take();
    this.send({ kind: "ack", tick, sent, received, now, busy_ms: busy, page, charts });
  }

  #beat(): void {
    if (this.endReason !== null) return;
    const [now, wall] = [performance.now(), Date.now()];
    this.#alive.check(TIMER_MS);
    for (const view of this.#first.due(now)) this.send(view);
    if (this.#pace.due(wall)) this.#acknowledge(wall);
    // To a page with nothing in sight the kernel has nothing to say.
    if (!this.#watched()) this.#heard = now;
    const silent = this.inSight && now - this.#heard > SILENCE_MS;
    if (silent !== this.silent) this.#setSilent(silent);
  }

  #watched(): boolean {
    return [...this.#ports.values()].some((ports) => [...ports].some((p) => p.watching?.()));
  }

  #setSilent(silent: boolean): void {
    this.silent = silent;
    this.#tellAll((p) => p.pageChanged?.());
  }

  #sightChanged = (): void => {
    // Nothing was sent to a page out of sight: its silence counts from now.
    if (this.inSight) this.#heard = performance.now();
    this.#tellAll((p) => p.pageChanged?.());
  };

  #end(reason: string): void {
    if (this.endReason !== null) return;
    this.endReason = reason;
    this.#tellAll((p) => p.ended?.(reason));
  }
}

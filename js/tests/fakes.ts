/** Stands in for what the page gives: animation frames, the link's channel, a renderer. */
import { vi } from "vitest";
import { ChartRuntime } from "../src/chart/runtime";
import type { Frames } from "../src/link/clock";
import { type Channel, PageLink } from "../src/link/page";
import type { Picture, Renderer } from "../src/renderer/base";
import type { Way } from "../src/renderer/ways";

export class FakeFrames implements Frames {
  #waiting = new Map<number, (now: number) => void>();
  #next = 1;
  time = 0;

  get waiting(): number {
    return this.#waiting.size;
  }

  request(callback: (now: number) => void): number {
    this.#waiting.set(this.#next, callback);
    return this.#next++;
  }

  cancel(handle: number): void {
    this.#waiting.delete(handle);
  }

  now(): number {
    return this.time;
  }

  /** Runs the animation frame at `now` (ms). */
  run(now: number): void {
    this.time = now;
    const callbacks = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const callback of callbacks) callback(now);
  }
}

type Sent = Record<string, unknown> & { kind: string };

export class FakeChannel implements Channel {
  sent: Sent[] = [];
  closed = false;
  message: (content: unknown, buffers: DataView[]) => void = () => {};
  end: (reason: string) => void = () => {};

  send(content: unknown): void {
    this.sent.push(content as Sent);
  }

  listen(message: (content: unknown, buffers: DataView[]) => void): void {
    this.message = message;
  }

  onEnd(ended: (reason: string) => void): void {
    this.end = ended;
  }

  close(): void {
    this.closed = true;
  }

  of(kind: string): Sent[] {
    return this.sent.filter((message) => message.kind === kind);
  }

  /** Delivers a tick, with a packet or a status. */
  tick(tick: number, packet?: DataView, status?: object): void {
    const content = { kind: "tick", tick, sent: Date.now(), ...(status ? { status } : {}) };
    this.message(content, packet ? [packet] : []);
  }
}

export class FakeRenderer implements Renderer {
  pictures: Picture[] = [];

  open(): never {
    throw new Error("a test has no plot to open");
  }

  draw(picture: Picture): void {
    this.pictures.push(picture);
  }

  way: Way = "bqplot";
  notice = "";
  took(): void {}
  prefer(): void {}

  setZone(): void {}
}

/** A page's end of the link, whose messages and frames come by hand. */
export function pageRig() {
  const [channel, frames] = [new FakeChannel(), new FakeFrames()];
  return { channel, frames, page: new PageLink(channel, frames) };
}

/** A page's end of the link, and the one chart on it, which is in sight while `visible` says so. */
export function chartRig(visible: () => boolean) {
  const { channel, frames, page } = pageRig();
  const renderer = new FakeRenderer();
  const runtime = new ChartRuntime(1, page, renderer, vi.fn());
  page.join(1, runtime);
  runtime.views.add({ visible, save: () => Promise.resolve() });
  return { channel, frames, renderer, page, runtime };
}

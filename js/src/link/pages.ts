/**
 * The links of this browser page. Each widget loads a copy of this module of its own, so what they
 * share hangs on `globalThis`: the first to come makes the link, the last to go closes it.
 */
import { type Channel, PageLink } from "./page";

interface Entry {
  link: Promise<PageLink>;
  users: number;
}

const KEY = Symbol.for("livewidget.pages");

function pages(): Map<string, Entry> {
  const shared = globalThis as unknown as Record<symbol, Map<string, Entry> | undefined>;
  shared[KEY] ??= new Map();
  return shared[KEY];
}

/** The link `id` of this page, opened by `open` at need; given back when `signal` aborts. */
export function acquirePage(
  id: string,
  open: () => Promise<Channel>,
  signal: AbortSignal,
): Promise<PageLink> {
  const all = pages();
  const entry = all.get(id) ?? { link: open().then((channel) => new PageLink(channel)), users: 0 };
  all.set(id, entry);
  entry.users += 1;
  entry.link.catch(() => all.get(id) === entry && all.delete(id));
  const release = () => {
    entry.users -= 1;
    if (entry.users > 0) return;
    if (all.get(id) === entry) all.delete(id);
    entry.link.then((link) => link.close()).catch(() => {});
  };
  if (signal.aborted) release();
  else signal.addEventListener("abort", release, { once: true });
  return entry.link;
}

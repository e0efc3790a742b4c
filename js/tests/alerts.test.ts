// @vitest-environment jsdom
import { beforeEach, describe, expect, it, vi } from "vitest";
import { Banner } from "../src/alerts/banner";
import { fitting } from "../src/alerts/panel";
import { AlertTable } from "../src/alerts/table";
import { when } from "../src/alerts/words";
import { type Alert, byWeight, readAlerts } from "../src/data/alert";
import { Zone } from "../src/renderer/zone";

const UTC = new Zone("UTC");
const NOON = 1_700_000_000_000_000_000n;

const alert = (id: string, more: Partial<Alert> = {}): Alert => ({
  id,
  rule: "hot",
  key: "sensor-17",
  state: "firing",
  priority: "warning",
  text: "104.2",
  since: NOON,
  time: NOON,
  acknowledged: false,
  silenced: false,
  until: null,
  ...more,
});

const raw = (id: string, more: object = {}) => ({
  ...alert(id),
  since: String(NOON),
  time: String(NOON),
  ...more,
});

const buttons = (el: HTMLElement) =>
  [...el.querySelectorAll("button")].map((each) => each.textContent);

describe("readAlerts", () => {
  it("reads what the kernel sends, and passes over what does not fit", () => {
    expect(readAlerts([raw("a"), raw("b", { until: "5" })])).toEqual([
      alert("a"),
      alert("b", { until: 5n }),
    ]);
    expect(readAlerts([raw("a", { since: "soon" }), raw("b", { state: "odd" }), null, 3])).toEqual(
      [],
    );
    expect(readAlerts("none")).toEqual([]);
    expect(readAlerts([raw("a", { priority: "loud" })])[0]?.priority).toBe("info");
  });

  it("puts what fires first, then the grave, then the new", () => {
    const order = [
      alert("old", { since: NOON - 5n }),
      alert("over", { state: "resolved", priority: "critical" }),
      alert("new"),
      alert("grave", { priority: "critical", since: NOON - 9n }),
      alert("soon", { state: "pending", priority: "critical" }),
    ].sort(byWeight);
    expect(order.map(({ id }) => id)).toEqual(["grave", "new", "old", "soon", "over"]);
  });
});

describe("Banner", () => {
  const act = vi.fn();
  const say = vi.fn();
  let banner: Banner;

  beforeEach(() => {
    act.mockClear();
    say.mockClear();
    banner = new Banner(act, say);
    document.body.replaceChildren(banner.el, banner.urgent);
  });

  it("is not there for a chart without alerts, and quiet where none fires", () => {
    banner.update(null, UTC, true);
    expect(banner.el.hidden).toBe(true);
    banner.update([], UTC, true);
    expect(banner.el.hidden).toBe(false);
    expect(banner.el.textContent).toBe("No alert fires");
    banner.update([alert("a", { acknowledged: true })], UTC, true);
    expect(banner.el.textContent).toBe("1 firing, acknowledged or silenced");
  });

  it("tells of two, and how many more there are", () => {
    const many = ["a", "b", "c", "d", "e"].map((id) => alert(id, { key: id }));
    banner.update([...many, alert("f", { state: "resolved" })], UTC, true);
    expect(banner.el.querySelectorAll(".lw-alert").length).toBe(2);
    expect(banner.el.textContent).toContain("and 3 more");
  });

  it("says each alert once: what is critical at once", () => {
    banner.update([alert("a")], UTC, true);
    banner.update([alert("a", { text: "105" })], UTC, true);
    expect(say).toHaveBeenCalledTimes(1);
    expect(banner.urgent.textContent).toBe("");
    banner.update([alert("a"), alert("b", { priority: "critical" })], UTC, true);
    expect(say).toHaveBeenCalledTimes(1);
    expect(banner.urgent.textContent).toContain("critical · hot · sensor-17: 104.2");
  });

  it("says an alert again whose silence has run out", () => {
    const hot = { priority: "critical" } as const;
    banner.update([alert("a"), alert("b", hot)], UTC, true);
    expect(banner.urgent.textContent).not.toBe("");
    banner.update(
      [alert("a", { silenced: true }), alert("b", { ...hot, silenced: true })],
      UTC,
      true,
    );
    expect(banner.urgent.textContent).toBe("");
    banner.update([alert("a"), alert("b", hot)], UTC, true);
    expect(say).toHaveBeenCalledTimes(2);
    expect(banner.urgent.textContent).not.toBe("");
  });

  it("holds labels as text, and does what its buttons say", () => {
    const odd = alert("a", { rule: "<img src=x>", text: "<b>bold</b>" });
    banner.update([odd], UTC, true);
    expect(banner.el.querySelector("img, b b")).toBeNull();
    expect(banner.el.textContent).toContain("<b>bold</b>");
    for (const each of banner.el.querySelectorAll("button")) each.click();
    expect(act.mock.calls).toEqual([
      ["acknowledge", odd],
      ["silence", odd],
    ]);
    banner.update([odd], UTC, false);
    expect(banner.el.querySelector("button")?.disabled).toBe(true);
  });

  it("keeps the keyboard's place while values change", () => {
    banner.update([alert("a")], UTC, true);
    banner.el.querySelectorAll("button")[1]?.focus();
    banner.update([alert("a", { text: "105" })], UTC, true);
    expect(document.activeElement?.textContent).toBe("Silence 1 h");
  });
});

describe("the panel's table", () => {
  const act = vi.fn();
  let table: AlertTable;

  beforeEach(() => {
    act.mockClear();
    table = new AlertTable(act);
    document.body.replaceChildren(table.el);
  });

  it("offers what can be done about each", () => {
    const rows: [Partial<Alert>, string[]][] = [
      [{}, ["Acknowledge", "Silence 1 h"]],
      [{ state: "pending" }, ["Acknowledge", "Silence 1 h"]],
      [{ acknowledged: true }, ["Silence 1 h"]],
      [{ silenced: true, until: NOON }, ["Acknowledge", "Unsilence"]],
      [{ state: "resolved" }, []],
    ];
    for (const [more, expected] of rows) {
      table.update([alert("a", more)], UTC, true);
      expect(buttons(table.el)).toEqual(expected);
    }
  });

  it("says until when one is silenced, as text", () => {
    table.update([alert("a", { silenced: true, until: NOON, key: "<i>x</i>" })], UTC, true);
    expect(table.el.textContent).toContain(`silenced until ${when(NOON, UTC)}`);
    expect(table.el.querySelector("i")).toBeNull();
    expect(table.el.querySelector("tbody tr")?.className).toContain("lw-silenced");
  });

  it("keeps rows and focus while others come and go", () => {
    table.update([alert("a"), alert("b")], UTC, true);
    const row = table.el.querySelectorAll("tbody tr")[1] as HTMLElement;
    row.querySelector("button")?.focus();
    const focused = document.activeElement;
    table.update([alert("c"), alert("b"), alert("a")], UTC, true);
    expect(table.el.querySelectorAll("tbody tr")[1]).toBe(row);
    expect(document.activeElement).toBe(focused);
    (focused as HTMLButtonElement).click();
    expect(act).toHaveBeenCalledWith("acknowledge", expect.objectContaining({ id: "b" }));
  });
});

describe("the panel's filter", () => {
  const all = [
    alert("a"),
    alert("b", { rule: "gone", key: "Pump", priority: "critical" }),
    alert("c", { state: "resolved", text: "pump is back" }),
  ];
  const ids = (filter: object) =>
    fitting(all, { text: "", priority: "", state: "", ...filter }).map(({ id }) => id);

  it("goes by all words, the priority and the state", () => {
    expect(ids({})).toEqual(["b", "a", "c"]);
    expect(ids({ text: "pump" })).toEqual(["b", "c"]);
    expect(ids({ text: "gone PUMP" })).toEqual(["b"]);
    expect(ids({ priority: "critical" })).toEqual(["b"]);
    expect(ids({ state: "resolved", text: "hot" })).toEqual(["c"]);
  });
});

describe("when", () => {
  it("is the time of day, with the date of another day", () => {
    const ms = Number(NOON / 1_000_000n);
    expect(when(NOON, UTC, ms + 1000)).toBe("22:13:20");
    expect(when(NOON, UTC, ms + 2 * 86_400_000)).toBe("Nov 14 22:13:20");
  });
});

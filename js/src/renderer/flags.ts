/** Marks as SVG path data: a rule at its moment, a flag on top of it, a span while it lasted. */
import type { Level } from "../data/alert";
import type { Area, Mark, Picture } from "./base";

/** By rising weight: the gravest is drawn last. */
const LEVELS: Level[] = ["info", "warning", "critical"];

const FLAG_PX = 5;
const TOP_PX = 7;

/** Each level has a shape, too: colour is not the only sign. Centred on 0,0. */
const FLAGS: Record<Level, string> = {
  info: "m-5,0a5,5 0 1,0 10,0a5,5 0 1,0 -10,0z",
  warning: "m0,-5.5l6,10.5h-12z",
  critical: "m-5.5,-5.5h11v11h-11z",
};

function place(at: number, { start, stop }: Picture, { width }: Area): number {
  return Math.round(((at - start) / (stop - start)) * width * 10) / 10;
}

/** Which marks one path draws: those of a level that last, or that are over. */
export interface Kind {
  level: Level;
  over: boolean;
}

function inSight({ level, over }: Kind, { marks, start, stop }: Picture): Mark[] {
  return marks.filter(
    (mark) =>
      mark.level === level && mark.over === over && mark.stop >= start && mark.start <= stop,
  );
}

export function spansOf(kind: Kind, picture: Picture, area: Area): string {
  return inSight(kind, picture)
    .map((mark) => {
      const left = Math.max(0, place(mark.start, picture, area));
      const right = Math.min(area.width, place(mark.stop, picture, area));
      return `M${left},0H${right}V${area.height}H${left}z`;
    })
    .join("");
}

export function rulesOf(kind: Kind, picture: Picture, area: Area): string {
  return inSight(kind, picture)
    .filter((mark) => mark.start >= picture.start)
    .map((mark) => `M${place(mark.start, picture, area)},${TOP_PX + FLAG_PX}V${area.height}`)
    .join("");
}

export function flagsOf(kind: Kind, picture: Picture, area: Area): string {
  return inSight(kind, picture)
    .filter((mark) => mark.start >= picture.start)
    .map((mark) => `M${place(mark.start, picture, area)},${TOP_PX}${FLAGS[kind.level]}`)
    .join("");
}

/** All kinds, in the order that they are drawn in. */
export const KINDS: Kind[] = [true, false].flatMap((over) =>
  LEVELS.map((level) => ({ level, over })),
);

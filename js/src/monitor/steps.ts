/** Reading a picture by keyboard: which place a key goes to. */

const FAR = 10;

/** The place among 0 to `last` that `event` goes to from `at`; null where the key is not for this. */
export function stepOf(event: KeyboardEvent, at: number, last: number): number | null {
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  const places: Record<string, number> = {
    ArrowLeft: at - 1,
    ArrowRight: at + 1,
    PageDown: at - FAR,
    PageUp: at + FAR,
    Home: 0,
    End: last,
  };
  const to = places[event.key];
  return to === undefined ? null : Math.min(last, Math.max(0, to));
}

/** The notebook has meanings of its own for these keys. */
export function take(event: KeyboardEvent): void {
  event.preventDefault();
  event.stopPropagation();
}

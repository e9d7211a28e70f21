/**
 * The running numbers in a kernel's message ids (`<prefix>_<number>`), which say what has come already.
 */

/** Return prefix and number of an id; the number is 0 where it has none. */
export function split(msgId: string): [string, number] {
  const found = /^(.+)_(\d+)$/.exec(msgId);
  return found ? [found[1], Number(found[2])] : [msgId, 0];
}

/** Whether a message is among those up to `last`. */
export function isKnown(msgId: string, last: Record<string, number>): boolean {
  const [prefix, number] = split(msgId);
  return number > 0 && number <= (last[prefix] ?? 0);
}

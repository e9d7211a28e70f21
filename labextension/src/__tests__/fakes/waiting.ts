/**
 * How tests wait, and what they count.
 */

/** Node's own, which fake timers leave alone here. */
declare const setImmediate: (callback: () => void) => void;

/** Let the answers go one step further. */
export function turn(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve));
}

/** Let all that is due happen. */
export async function settled(): Promise<void> {
  for (let count = 0; count < 40; count++) {
    await turn();
  }
}

/** Wait until something is so, for seconds at most. */
export async function until(isSo: () => boolean): Promise<void> {
  for (let count = 0; !isSo(); count++) {
    if (count > 1000) {
      throw new Error(`Never so: ${isSo.toString()}`);
    }
    await new Promise(resolve => setTimeout(resolve, 5));
  }
}

/** Return how often a signal was emitted since. */
export function emissions<T, U>(signal: {
  connect: (slot: (sender: T, args: U) => void) => boolean;
}): { args: U[] } {
  const args: U[] = [];
  signal.connect((_, value) => void args.push(value));
  return { args };
}

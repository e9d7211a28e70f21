/**
 * React hooks for models with signals.
 */
import type { ISignal } from '@lumino/signaling';
import { useEffect, useLayoutEffect, useReducer, useRef } from 'react';

/** Render anew whenever one of the signals is emitted. */
export function useChanges(...signals: ISignal<unknown, unknown>[]): void {
  const [, render] = useReducer((count: number) => count + 1, 0);
  const kept = useRef(signals); // one value for the effect, however many signals there are
  const isSame =
    signals.length === kept.current.length &&
    signals.every((signal, index) => signal === kept.current[index]);
  if (!isSame) {
    kept.current = signals;
  }
  // At once with the view: what changes before an ordinary effect would not be seen.
  useLayoutEffect(() => {
    const heard = kept.current;
    heard.forEach(signal => signal.connect(render));
    return () => heard.forEach(signal => signal.disconnect(render));
  }, [kept.current]);
}

/** Render anew every second while `active`. */
export function useSeconds(active: boolean): void {
  const [, render] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    if (active) {
      const timer = setInterval(render, 1000);
      return () => clearInterval(timer);
    }
  }, [active]);
}

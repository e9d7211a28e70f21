/**
 * React hooks for models with signals.
 */
import type { ISignal } from '@lumino/signaling';
import { useEffect, useReducer } from 'react';

/** Render anew whenever one of the signals is emitted. */
export function useChanges(...signals: ISignal<unknown, unknown>[]): void {
  const [, render] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    signals.forEach(signal => signal.connect(render));
    return () => signals.forEach(signal => signal.disconnect(render));
  }, signals);
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

/**
 * How names, times and states are shown.
 */
import type { TranslationBundle } from '@jupyterlab/translation';

import type { Compute } from '../tokens';

/** Return a role's short name: the last part of its ARN. */
export function roleName(arn: string | null | undefined): string {
  return arn ? arn.slice(arn.lastIndexOf('/') + 1) : '';
}

/** Return who calls, of an ARN: `user/developer`, `EMRAnalyst/session`. */
export function callerName(arn: string): string {
  const resource = arn.split(':').slice(5).join(':');
  return resource.replace(/^assumed-role\//, '') || arn;
}

/** Return a text of at most `most` characters, cut in the middle. */
export function shortened(text: string, most: number): string {
  const characters = [...text];
  if (characters.length <= most) {
    return text;
  }
  const head = Math.ceil((most - 1) / 2);
  const tail = characters.length - (most - 1 - head);
  return [...characters.slice(0, head), '…', ...characters.slice(tail)].join(
    ''
  );
}

/** Return a span of seconds: `12 s`, `3 min`, `5 h`, `2 d`. */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 90) {
    return `${whole} s`;
  }
  if (whole < 5400) {
    return `${Math.round(whole / 60)} min`;
  }
  return whole < 172_800
    ? `${Math.round(whole / 3600)} h`
    : `${Math.round(whole / 86_400)} d`;
}

/** Return a running time: `0:42`, `1:02:03`. */
export function stopwatch(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (value: number): string => String(value % 60).padStart(2, '0');
  const minutes = Math.floor(whole / 60);
  return minutes < 60
    ? `${minutes}:${two(whole)}`
    : `${Math.floor(minutes / 60)}:${two(minutes)}:${two(whole)}`;
}

/** Return the seconds since a time in ISO 8601; 0 where there is none. */
export function secondsSince(time: string | null, now = Date.now()): number {
  const at = time ? Date.parse(time) : NaN;
  return Number.isNaN(at) ? 0 : (now - at) / 1000;
}

/** Return a time of day: `14:05`. */
export function clock(time: string): string {
  return new Date(time).toLocaleTimeString([], {
    hour: '2-digit',
    minute: '2-digit'
  });
}

/** Return the name of a compute's kind. */
export function kindName(kind: string, trans: TranslationBundle): string {
  switch (kind) {
    case 'ec2':
      return trans.__('EMR on EC2');
    case 'eks':
      return trans.__('EMR on EKS');
    case 'serverless':
      return trans.__('EMR Serverless');
    default:
      return kind; // a newer server's
  }
}

/** Return the name of a compute's kind where there is little room. */
export function shortKind(kind: string, trans: TranslationBundle): string {
  return kindName(kind, trans).replace(/^EMR (on )?/, '');
}

/** Return AWS's word for a state as people write it: `Waiting`, `Terminated with errors`. */
export function stateName(state: string): string {
  const words = state.toLowerCase().replace(/_/g, ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Return what a screen reader says of a compute beside its name. */
export function describe(compute: Compute, trans: TranslationBundle): string {
  const kind = kindName(compute.kind, trans);
  const can = compute.attachable
    ? trans.__('can be attached to')
    : trans.__('cannot be attached to: %1', compute.reason ?? '');
  return `${kind}, ${stateName(compute.state)}, ${can}`;
}

/**
 * @jest-environment ./jest.browser.js
 */
import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import { act, fireEvent, render, screen } from '@testing-library/react';
import React from 'react';

import { useChanges, useSeconds } from '../components/hooks';
import { commandIn, detailsOf, Problem } from '../components/problem';
import {
  callerName,
  clock,
  describe as describeCompute,
  kindName,
  roleName,
  secondsSince,
  shortened,
  span
} from '../components/words';
import { problemOf } from '../request';
import { ANALYST, compute } from './fakes';

const trans = nullTranslator.load('jupyter_emr_connect');

describe('names', () => {
  it.each([
    [ANALYST, 'EMRAnalyst'],
    ['arn:aws:iam::1:role/service-role/team/Deep', 'Deep'],
    ['Plain', 'Plain'],
    ['', ''],
    [null, ''],
    [undefined, '']
  ])('of the role %s', (arn, name) => {
    expect(roleName(arn)).toBe(name);
  });

  it.each([
    ['arn:aws:iam::1:user/developer', 'user/developer'],
    ['arn:aws:sts::1:assumed-role/EMRAnalyst/ann@x', 'EMRAnalyst/ann@x'],
    ['arn:aws:iam::1:root', 'root'],
    ['arn:aws-cn:iam::1:user/a:b', 'user/a:b'],
    ['strange', 'strange']
  ])('of the caller %s', (arn, name) => {
    expect(callerName(arn)).toBe(name);
  });

  it.each([
    ['short', 10, 'short'],
    ['0123456789', 10, '0123456789'],
    ['0123456789a', 10, '01234…789a'],
    ['😀'.repeat(20), 5, '😀😀…😀😀'],
    ['', 5, ''],
    ['abc', 1, '…']
  ])('%s in %i characters', (text, most, expected) => {
    expect(shortened(text, most)).toBe(expected);
  });

  it('of kinds, also of a newer server’s', () => {
    expect(kindName('ec2', trans)).toBe('EMR on EC2');
    expect(kindName('quantum', trans)).toBe('quantum');
    expect(kindName('constructor', trans)).toBe('constructor');
  });

  it('of computes for screen readers', () => {
    expect(describeCompute(compute(), trans)).toBe(
      'EMR on EC2, Waiting, can be attached to'
    );
    const not = compute({ attachable: false, reason: 'It ended 5% early.' });
    expect(describeCompute(not, trans)).toContain(
      'cannot be attached to: It ended 5% early.'
    );
  });
});

describe('times', () => {
  it.each([
    [-5, '0 s'],
    [0.4, '0 s'],
    [89, '89 s'],
    [90, '2 min'],
    [5399, '90 min'],
    [5400, '2 h'],
    [172_799, '48 h'],
    [172_800, '2 d']
  ])('of %d seconds', (seconds, text) => {
    expect(span(seconds)).toBe(text);
  });

  it('since one in ISO 8601', () => {
    const now = Date.parse('2026-01-01T00:01:00Z');
    expect(secondsSince('2026-01-01T00:00:00Z', now)).toBe(60);
    expect(secondsSince('2026-01-01T01:00:00+01:00', now)).toBe(60);
    expect(secondsSince('tomorrow', now)).toBe(0);
    expect(secondsSince(null, now)).toBe(0);
    expect(clock('2026-01-01T14:05:00')).toMatch(/0?2:05|14:05/);
  });
});

describe('the command in a fix', () => {
  const missing = problemOf({ status: 404, statusText: '' }, '');

  it.each([
    [
      'Log in again (`aws sso login --profile my.team`) or renew them.',
      'aws sso login --profile my.team'
    ],
    ['Choose a runtime role (`jupyter emr roles`).', 'jupyter emr roles'],
    [
      'Run `aws configure` or `aws sso login`, or choose a profile.',
      'aws configure'
    ],
    [
      "Run `pip install 'jupyter_emr_connect[sandbox]'`.",
      "pip install 'jupyter_emr_connect[sandbox]'"
    ],
    [missing.fix, 'pip install -U jupyter_emr_connect'],
    ['Ask your administrator.', null],
    ['Talk to the paws team.', null],
    ['', null]
  ])('%s', (fix, command) => {
    expect(commandIn(fix)).toBe(command);
  });

  it('is found fast in a fix that never ends', () => {
    const began = performance.now();
    commandIn('aws ' + 'x '.repeat(50_000) + '`');
    expect(performance.now() - began).toBeLessThan(1000);
  });
});

describe('a problem', () => {
  const problem = {
    message: 'No <b>way</b>.',
    fix: 'Run `aws login`.',
    code: 'c',
    hop: 'gateway',
    iam_action: 'iam:PassRole'
  };
  const copied = (): string | undefined =>
    (document as { copied?: string }).copied;

  it('says cause and fix, and lets them be copied', () => {
    render(<Problem problem={problem} trans={trans} />);
    const alert = screen.getByRole('alert');
    expect(alert.textContent).toContain('No <b>way</b>.');
    expect(alert.querySelector('b')).toBeNull();
    fireEvent.click(screen.getByRole('button', { name: 'Copy command' }));
    expect(copied()).toBe('aws login');
    fireEvent.click(screen.getByRole('button', { name: 'Copy details' }));
    expect(copied()).toBe(
      'No <b>way</b>.\nRun `aws login`.\ncode: c\nhop: gateway\nIAM action: iam:PassRole'
    );
  });

  it('without a fix has none to copy', () => {
    const bare = { message: 'm', fix: '', code: 'c' };
    render(<Problem problem={bare} trans={trans} />);
    expect(screen.queryByRole('button', { name: 'Copy command' })).toBeNull();
    expect(detailsOf(bare)).toBe('m\ncode: c');
  });
});

describe('changes', () => {
  afterEach(() => jest.restoreAllMocks());

  class Source {
    readonly changed = new Signal<this, void>(this);
    count = 0;
    add(): void {
      this.count++;
      this.changed.emit();
    }
  }

  function Counts(props: { sources: Source[] }): JSX.Element {
    useChanges(...props.sources.map(source => source.changed));
    return <p>{props.sources.map(source => source.count).join()}</p>;
  }

  it('of one signal or another are shown', () => {
    const [one, other] = [new Source(), new Source()];
    const { container } = render(<Counts sources={[one, other, one]} />);
    act(() => one.add());
    act(() => other.add());
    expect(container.textContent).toBe('1,1,1');
  });

  it('of a signal that took the place of another are shown', () => {
    const [one, other] = [new Source(), new Source()];
    const view = render(<Counts sources={[one]} />);
    view.rerender(<Counts sources={[other]} />);
    act(() => other.add());
    expect(view.container.textContent).toBe('1');
    act(() => one.add());
    expect(view.container.textContent).toBe('1');
  });

  it('of signals of which there are more or fewer are shown', () => {
    const error = jest.spyOn(console, 'error').mockImplementation();
    const [one, other] = [new Source(), new Source()];
    const view = render(<Counts sources={[one]} />);
    view.rerender(<Counts sources={[one, other]} />);
    act(() => other.add());
    expect(view.container.textContent).toBe('0,1');
    view.rerender(<Counts sources={[other]} />);
    act(() => other.add());
    expect(view.container.textContent).toBe('2');
    expect(error.mock.calls).toEqual([]);
  });

  it('while a view is made are shown', () => {
    const source = new Source();
    function Changing(): JSX.Element {
      React.useLayoutEffect(() => source.add(), []);
      return <Counts sources={[source]} />;
    }
    expect(render(<Changing />).container.textContent).toBe('1');
  });

  it('are not heard any more by what is shown no more', () => {
    const source = new Source();
    const error = jest.spyOn(console, 'error').mockImplementation();
    render(<Counts sources={[source]} />).unmount();
    source.add();
    expect(error.mock.calls).toEqual([]);
  });
});

describe('seconds', () => {
  it('pass only where they are shown', () => {
    jest.useFakeTimers();
    let renders = 0;
    function Clock(props: { active: boolean }): null {
      useSeconds(props.active);
      renders++;
      return null;
    }
    const view = render(<Clock active />);
    for (let second = 0; second < 3; second++) {
      act(() => jest.advanceTimersByTime(1000));
    }
    expect(renders).toBe(4);
    view.rerender(<Clock active={false} />);
    act(() => jest.advanceTimersByTime(3000));
    expect([renders, jest.getTimerCount()]).toEqual([5, 0]);
    view.unmount();
    jest.useRealTimers();
  });
});

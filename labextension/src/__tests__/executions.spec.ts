import { Executions } from '../executions';
import { emissions, FakeSession } from './fakes';

const IDLE = { execution_state: 'idle' };

describe('the executions of a kernel', () => {
  let executions: Executions;
  let session: FakeSession;

  beforeEach(() => {
    session = new FakeSession();
    executions = new Executions(session.self);
  });

  it('last until the kernel is idle again for each, and for no other message', () => {
    const before = Date.now();
    const changed = emissions(executions.changed);
    expect(executions.since).toBeNull();
    session.publish('execute_input', 'm1');
    expect(executions.since).toBeGreaterThanOrEqual(before);
    session.publish('status', 'of a widget', IDLE);
    session.publish('status', 'm1', { execution_state: 'busy' });
    session.publish('stream', 'm1');
    expect(executions.since).not.toBeNull();
    session.publish('status', 'm1', IDLE);
    expect(executions.since).toBeNull();
    expect(changed.args).toHaveLength(2);
  });

  it.each(['restarting', 'autorestarting', 'terminating', 'dead'])(
    'end with a kernel that is %s',
    status => {
      session.publish('execute_input', 'm1');
      session.say('busy');
      expect(executions.since).not.toBeNull();
      session.say(status);
      expect(executions.since).toBeNull();
    }
  );

  it('are not known of another kernel, or while nobody hears', () => {
    session.publish('execute_input', 'm1');
    session.kernelChanged.emit(null);
    expect(executions.since).toBeNull();
    session.publish('execute_input', 'm2');
    session.connectionStatusChanged.emit('connected');
    expect(executions.since).not.toBeNull();
    session.connectionStatusChanged.emit('connecting');
    expect(executions.since).toBeNull();
  });

  it('are followed until they are disposed', () => {
    executions.dispose();
    executions.dispose();
    session.publish('execute_input', 'm1');
    expect([executions.isDisposed, executions.since]).toEqual([true, null]);
  });
});

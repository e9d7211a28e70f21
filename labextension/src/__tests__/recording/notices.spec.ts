import { noticeOf } from '../../recording/notices';

jest.mock('@jupyterlab/apputils', () => ({}));

function message(msg_type: string, content: object): never {
  return { header: { msg_type }, content } as never;
}

describe('what a user is told of a kernel', () => {
  it('is why it could not be restarted, and what to do', () => {
    const content = {
      state: 'connected',
      cause: 'restart',
      reason: 'The gateway is full.',
      fix: 'Shut a kernel down.'
    };
    expect(noticeOf(message('emr_connect_status', content))).toBe(
      'The gateway is full. Shut a kernel down.'
    );
  });

  it('is nothing of its other states, and of other messages', () => {
    expect(
      noticeOf(message('emr_connect_status', { cause: 'network' }))
    ).toBeNull();
    expect(noticeOf(message('stream', { cause: 'restart' }))).toBeNull();
    expect(noticeOf(message('status', {}))).toBeNull();
  });
});

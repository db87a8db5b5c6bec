import {afterEach, describe, expect, it, vi} from 'vitest';
import {reportFailure} from '../../src/cli/failure.ts';
import {InputError, TeacherError} from '../../src/errors.ts';

afterEach(() => vi.restoreAllMocks());

/** The exit code of a failure and what stderr and stdout hold of it. */
function report(error: unknown): {readonly code: number; readonly stderr: string} {
  let stderr = '';
  vi.spyOn(process.stderr, 'write').mockImplementation(text => {
    stderr += String(text);
    return true;
  });
  const stdout = vi.spyOn(process.stdout, 'write').mockImplementation(() => true);
  const code = reportFailure(error);
  expect(stdout).not.toHaveBeenCalled();
  vi.restoreAllMocks();
  return {code, stderr};
}

describe('reportFailure', () => {
  it('says what was foreseen in its own words, without a stack', () => {
    expect(report(new InputError('There is no recipe at x.ts. Give its path.'))).toEqual({
      code: 1,
      stderr: 'limbeck: There is no recipe at x.ts. Give its path.\n',
    });
  });

  it('names every cause', () => {
    const cause = new Error('connect ECONNREFUSED', {cause: new Error('no route')});
    const {stderr} = report(new TeacherError('digits', 'Nothing answers.', {cause}));
    expect(stderr).toBe(
      'limbeck: Teacher digits: Nothing answers.\n  because: connect ECONNREFUSED\n  because: no route\n',
    );
  });

  it('says nothing twice: a cause that the message tells of is left out', () => {
    const cause = new Error('Nothing answers.');
    expect(report(new InputError('No answers: Nothing answers. Try later.', {cause})).stderr).toBe(
      'limbeck: No answers: Nothing answers. Try later.\n',
    );
  });

  it('shows the stack of what nobody foresaw, for a report of the bug', () => {
    const {code, stderr} = report(new TypeError('x is not a function'));
    expect(code).toBe(1);
    expect(stderr).toMatch(/^limbeck: unexpected failure\nTypeError: x is not a function\n\s+at /);
    expect(report('a string').stderr).toBe('limbeck: unexpected failure\na string\n');
  });

  it('takes a stop for what it is: exit code 130 and a word on what is kept', () => {
    const stop = new AbortController();
    stop.abort();
    const {code, stderr} = report(stop.signal.reason);
    expect(code).toBe(130);
    expect(stderr).toBe('Stopped. Every answer that was bought is kept. Run the same command again to continue.\n');
  });
});

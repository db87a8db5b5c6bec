import {describe, expect, it} from 'vitest';
import {openTerminal, type Terminal} from '../../src/cli/terminal.ts';

interface Screen {
  readonly terminal: Terminal;
  /** What was written so far; taken away by reading. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Lets milliseconds pass. */
  readonly pass: (milliseconds: number) => void;
}

function screen({isTTY = false, json = false}: {readonly isTTY?: boolean; readonly json?: boolean} = {}): Screen {
  const written = {out: '', error: ''};
  let time = 1000;
  const stderr = {
    isTTY,
    columns: 80,
    rows: 24,
    write: (text: string) => {
      written.error += text;
      return true;
    },
  } as unknown as NodeJS.WriteStream;
  const stdout = {
    write: (text: string) => {
      written.out += text;
      return true;
    },
  } as Pick<NodeJS.WriteStream, 'write'>;
  const take = (stream: keyof typeof written) => () => {
    const text = written[stream];
    written[stream] = '';
    return text;
  };
  return {
    terminal: openTerminal({json, stdout, stderr, now: () => time}),
    stdout: take('out'),
    stderr: take('error'),
    pass: milliseconds => {
      time += milliseconds;
    },
  };
}

const ESCAPE = String.fromCharCode(27);

/** Text without ANSI escapes. */
const plain = (text: string): string => text.replace(new RegExp(`${ESCAPE}\\[[0-9;?]*[A-Za-z]`, 'g'), '');

describe('the result of a command', () => {
  it('is its text for people, and nothing on stderr', () => {
    const {terminal, stdout, stderr} = screen();
    terminal.result({answers: 2}, 'two answers');
    expect([stdout(), stderr()]).toEqual(['two answers\n', '']);
  });

  it('is one JSON document of one line with --json', () => {
    const {terminal, stdout} = screen({json: true});
    terminal.result({answers: 2, rate: Number.NaN}, 'two answers');
    expect(stdout()).toBe('{"answers":2,"rate":null}\n');
  });

  it('is nothing at all where there is nothing to say', () => {
    const {terminal, stdout} = screen();
    terminal.result({rows: []}, '');
    expect(stdout()).toBe('');
  });

  it('never mixes with notes and progress, which go to stderr', () => {
    for (const isTTY of [true, false]) {
      const {terminal, stdout, stderr} = screen({isTTY, json: true});
      terminal.note('Engine: WASM.');
      terminal.progress({task: 'ask', done: 1, total: 1});
      expect(stdout()).toBe('');
      expect(stderr()).toMatch(/^Engine: WASM\.\n/);
    }
  });
});

describe('progress where no terminal is', () => {
  it('is one line at the end of a short task', () => {
    const {terminal, stderr, pass} = screen();
    terminal.progress({task: 'ask black-box', done: 0, total: 300, detail: '0 bought'});
    for (let done = 64; done < 300; done += 64) {
      pass(500);
      terminal.progress({task: 'ask black-box', done, total: 300, detail: `${done} bought`});
    }
    expect(stderr()).toBe('');
    terminal.progress({task: 'ask black-box', done: 300, total: 300, detail: '300 bought'});
    expect(stderr()).toBe('✓ ask black-box · 300 bought · 2.0 s\n');
  });

  it('is at most one line in ten seconds of a long one', () => {
    const {terminal, stderr, pass} = screen();
    for (let second = 0; second <= 60; second++) {
      terminal.progress({task: 'train', done: second * 10, total: 1000});
      pass(1000);
    }
    const lines = stderr().split('\n').slice(0, -1);
    expect(lines).toEqual([
      'train: 100 of 1000 · 1 min 30 s left',
      'train: 200 of 1000 · 1 min 20 s left',
      'train: 300 of 1000 · 1 min 10 s left',
      'train: 400 of 1000 · 1 min 0 s left',
      'train: 500 of 1000 · 50 s left',
      'train: 600 of 1000 · 40 s left',
    ]);
  });

  it('never passes its total, and ends once', () => {
    const {terminal, stderr, pass} = screen();
    terminal.progress({task: 'ask', done: 0, total: 3});
    pass(2000);
    for (const done of [3, 4, 3]) terminal.progress({task: 'ask', done, total: 3, detail: `${done} bought`});
    expect(stderr()).toBe('✓ ask · 3 bought · 2.0 s\n');
  });

  it('starts the clock of each task anew, of one that comes again too', () => {
    const {terminal, stderr, pass} = screen();
    for (const task of ['one', 'two', 'two']) {
      terminal.progress({task, done: 0, total: 2});
      pass(3000);
      terminal.progress({task, done: 2, total: 2});
    }
    expect(stderr()).toBe('✓ one · 3.0 s\n✓ two · 3.0 s\n✓ two · 3.0 s\n');
  });

  it('holds no ANSI escapes and no carriage return', () => {
    const {terminal, stderr, pass} = screen();
    terminal.progress({task: 'train', done: 1, total: 3});
    pass(11_000);
    terminal.progress({task: 'train', done: 2, total: 3});
    terminal.progress({task: 'train', done: 3, total: 3});
    const written = stderr();
    expect(written).not.toContain(ESCAPE);
    expect(written).not.toContain('\r');
  });
});

describe('progress on a terminal', () => {
  it('is a live line with a bar, a share, the task and the time left', () => {
    const {terminal, stderr, pass} = screen({isTTY: true});
    terminal.progress({task: 'ask gray-box', done: 0, total: 200, detail: '0 bought'});
    expect(plain(stderr())).toBe(`${'░'.repeat(24)} 0 % ask gray-box · 0 bought\n`);
    pass(30_000);
    terminal.progress({task: 'ask gray-box', done: 50, total: 200, detail: '50 bought'});
    const drawn = stderr();
    expect(plain(drawn)).toContain(
      `${'█'.repeat(6)}${'░'.repeat(18)} 25 % ask gray-box · 50 bought · 1 min 30 s left\n`,
    );
    // The line before is taken away, so that there is only one.
    expect(drawn).toContain(`${ESCAPE}[`);
  });

  it('is drawn ten times a second at most', () => {
    const {terminal, stderr, pass} = screen({isTTY: true});
    let frames = 0;
    for (let step = 0; step < 1000; step++) {
      terminal.progress({task: 'train', done: step, total: 1000});
      if (stderr() !== '') frames++;
      pass(10);
    }
    expect(frames).toBe(100);
  });

  it('gives way to one line that stays when the task is done', () => {
    const {terminal, stderr, pass} = screen({isTTY: true});
    terminal.progress({task: 'train', done: 0, total: 10, detail: 'loss 2.1'});
    stderr();
    pass(4000);
    terminal.progress({task: 'train', done: 10, total: 10, detail: 'loss 0.1'});
    expect(plain(stderr())).toBe('✓ train · loss 0.1 · 4.0 s\n');
  });
});

import {PassThrough} from 'node:stream';
import {describe, expect, it} from 'vitest';
import {type Dialogue, openDialogue} from '../../../src/cli/init/choose.ts';
import {InputError} from '../../../src/errors.ts';
import {until} from '../../built.ts';

interface Desk {
  readonly dialogue: Dialogue;
  readonly type: (text: string) => void;
  readonly hangUp: () => void;
  /** What the person sees, without escapes. */
  readonly screen: () => string;
  readonly stop: AbortController;
  readonly interrupts: () => number;
}

/** A person before a terminal that isn't there. */
function desk(isTerminal = false): Desk {
  const [input, output] = [new PassThrough(), new PassThrough()];
  let shown = '';
  output.setEncoding('utf8').on('data', (text: string) => {
    shown += text;
  });
  const stop = new AbortController();
  let interrupts = 0;
  const onInterrupt = () => {
    interrupts++;
    stop.abort();
  };
  const dialogue = openDialogue({input, output, signal: stop.signal, onInterrupt, isTerminal});
  return {
    dialogue,
    type: text => void input.write(text),
    hangUp: () => void input.end(),
    screen: () => shown,
    stop,
    interrupts: () => interrupts,
  };
}

const number = (text: string): number => {
  if (/^\d+$/.test(text)) return Number(text);
  throw new InputError('That is no number.');
};

describe('a question', () => {
  it('is asked until its answer can be read', async () => {
    const {dialogue, type, screen} = desk();
    const answer = dialogue.ask('How many?', number);
    type('many\n');
    await until('the reason', () => screen().includes('That is no number.'));
    type(' 12 \n');
    expect(await answer).toBe(12);
    expect(screen().split('How many?').length).toBe(3);
    dialogue.close();
  });

  it('shows what an empty line stands for', async () => {
    const {dialogue, type, screen} = desk();
    const answer = dialogue.ask('How many?', number, '7');
    type('\n');
    expect(await answer).toBe(7);
    expect(screen()).toContain('How many? [7] ');
    dialogue.close();
  });

  it('takes answers that were there before it was asked, in their order', async () => {
    const {dialogue, type, screen} = desk();
    type('1\n2\n3\n');
    const ask = () => dialogue.ask('Next?', number);
    expect([await ask(), await ask(), await ask()]).toEqual([1, 2, 3]);
    dialogue.say('Done.');
    await until('the last words', () => screen().endsWith('Done.\n'));
    dialogue.close();
  });

  it('fails as aborted where the input ends before it is answered', async () => {
    const {dialogue, hangUp} = desk();
    const answer = dialogue.ask('How many?', number);
    hangUp();
    await expect(answer).rejects.toMatchObject({name: 'AbortError'});
    await expect(dialogue.ask('And now?', number)).rejects.toMatchObject({name: 'AbortError'});
  });

  it('fails as aborted at Ctrl-C, which a terminal gives as a key', async () => {
    const {dialogue, type, interrupts} = desk(true);
    const answer = dialogue.ask('How many?', number);
    type('\u0003');
    await expect(answer).rejects.toMatchObject({name: 'AbortError'});
    expect(interrupts()).toBe(1);
    dialogue.close();
  });

  it('lets other errors through', async () => {
    const {dialogue, type} = desk();
    const answer = dialogue.ask('How many?', () => {
      throw new TypeError('a slip');
    });
    type('1\n');
    await expect(answer).rejects.toThrow('a slip');
    dialogue.close();
  });
});

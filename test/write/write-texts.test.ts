import {describe, expect, it} from 'vitest';
import type {WrittenLine} from '../../src/data/texts/written.ts';
import {BudgetError} from '../../src/errors.ts';
import type {Outcome, Query} from '../../src/teacher.ts';
import {taskOf} from '../../src/write/task.ts';
import {lacking, requestsFor, type WriteOptions, writeTexts} from '../../src/write/write-texts.ts';
import type {WrittenAnswer} from '../../src/writer.ts';

const classes = {refund: 'wants money back', delivery: 'asks where a parcel is', other: 'anything else'};
const task = taskOf({model: () => Promise.reject(), texts: 'messages to a shop', classes}, undefined);
const base = {task, writer: 'pen', before: [], count: 30, perRequest: 5, seed: 1};

type Write = (prompt: string, index: number) => readonly string[] | Error;

/** Asks a function in place of a model, and keeps the prompts. */
function asking(write: Write) {
  const prompts: string[] = [];
  const ask = async (queries: readonly Query[]): Promise<readonly Outcome[]> =>
    queries.map(({input}): Outcome => {
      const prompt = input.kind === 'text' ? input.text : '';
      const given = write(prompt, prompts.push(prompt) - 1);
      if (given instanceof Error) return {error: given};
      const answer: WrittenAnswer = {kind: 'label', label: 0, texts: given};
      return {answer};
    });
  return {ask, prompts};
}

const numberOf = (prompt: string) => Number(/Write (\d+) texts/.exec(prompt)![1]);

/** As many texts as are asked for, none like another. */
const unlike: Write = (prompt, index) =>
  Array.from(
    {length: numberOf(prompt)},
    (_, row) => `${index.toString(36).repeat(7)} text ${row.toString(36).repeat(9)}`,
  );

const written = (write: Write, options: Partial<WriteOptions> = {}) =>
  writeTexts({...base, ask: asking(write).ask, ...options});

const countsOf = (lines: readonly WrittenLine[]) =>
  Object.keys(classes).map(name => lines.filter(({label}) => label === name).length);

describe('writeTexts', () => {
  it('writes equally many texts for each class, with the origin of each', async () => {
    const {lines, requests, made, repeated} = await written(unlike, {count: 32});
    expect(countsOf(lines)).toEqual([11, 11, 10]);
    expect(lines[0]).toMatchObject({label: 'refund', origin: 'written', writer: 'pen', seed: 1, request: 0});
    expect(lines[0]!.prompt).toMatch(/^[0-9a-f]{16}$/);
    expect(requests).toBeLessThanOrEqual(requestsFor({...base, count: 32}).most);
    expect(made - repeated).toBeGreaterThanOrEqual(32);
  });

  it('varies the prompts, and gives the same ones at the same seed', async () => {
    const [one, again, other] = [asking(unlike), asking(unlike), asking(unlike)];
    const first = await writeTexts({...base, ask: one.ask});
    expect(await writeTexts({...base, ask: again.ask})).toEqual(first);
    expect(again.prompts).toEqual(one.prompts);
    await writeTexts({...base, seed: 2, ask: other.ask});
    expect(other.prompts).not.toEqual(one.prompts);
    expect(new Set(one.prompts.map(prompt => /Length: .*/.exec(prompt)![0])).size).toBeGreaterThan(2);
    expect(one.prompts.some(prompt => prompt.includes('could at first be taken for the class'))).toBe(true);
    expect(one.prompts.some(prompt => !prompt.includes('could at first be taken for the class'))).toBe(true);
  });

  it('leaves out repeats of real texts, of examples and of each other, and asks again', async () => {
    const known = {...task, known: ['Where is my parcel? I have been waiting for it for two weeks now.']};
    const parrot: Write = (prompt, index) =>
      index < 3
        ? [
            'where is my parcel?  I have been waiting for it for two weeks now',
            'the same text of some length',
            'The same text of some length!',
          ]
        : unlike(prompt, index);
    const {lines, repeated} = await written(parrot, {task: known});
    expect(lines.filter(({text}) => text.includes('waiting'))).toEqual([]);
    expect(lines.filter(({text}) => /same text/i.test(text))).toHaveLength(1);
    expect(countsOf(lines)).toEqual([10, 10, 10]);
    expect(repeated).toBeGreaterThanOrEqual(8);
  });

  it('gives up on a class after its limit of requests, and the others get their share', async () => {
    const stuck: Write = (prompt, index) => (prompt.includes('class "other":') ? ['only this'] : unlike(prompt, index));
    const result = await written(stuck);
    expect(countsOf(result.lines)).toEqual([10, 10, 1]);
    expect(lacking({...base, before: result.lines})).toEqual([0, 0, 9]);
    expect(result.stopped).toBeUndefined();
  });

  it('goes on from what was written before, with prompts that were not sent', async () => {
    const one = asking(unlike);
    const {lines: before} = await writeTexts({...base, ask: one.ask});
    const more = asking((prompt, index) => unlike(prompt, index + 100));
    const {lines} = await writeTexts({...base, before, count: 60, ask: more.ask});
    expect(lines.slice(0, 30)).toEqual(before);
    expect(countsOf(lines)).toEqual([20, 20, 20]);
    expect(one.prompts.filter(prompt => more.prompts.includes(prompt))).toEqual([]);
    const {requests} = await writeTexts({...base, before: lines, count: 60, ask: more.ask});
    expect(requests).toBe(0);
  });

  it('sends no more once the budget ends, and keeps what it has', async () => {
    const poor = asking((prompt, index) =>
      index === 3 ? new BudgetError('The budget is spent.') : unlike(prompt, index),
    );
    const {lines, stopped} = await writeTexts({...base, count: 300, ask: poor.ask});
    expect(stopped).toBeInstanceOf(BudgetError);
    expect(lines.length).toBeGreaterThan(0);
    expect(poor.prompts.length).toBeLessThan(60);
  });

  it('tells of requests without a text', async () => {
    const {failed, lines} = await written((prompt, index) =>
      index === 0 ? new Error('refused') : unlike(prompt, index),
    );
    expect(failed).toMatchObject({count: 1, first: {message: 'refused'}});
    expect(countsOf(lines)).toEqual([10, 10, 10]);
  });

  it('shows what a student is unsure of, and the classes that it wavers between', async () => {
    const unsure = [0, 1, 2].map(label => ({texts: [`hard ${label}`], others: [(label + 1) % 3]}));
    const {ask, prompts} = asking(unlike);
    const {lines} = await writeTexts({...base, unsure, overproduce: 4, ask});
    expect(lines).toHaveLength(120);
    const first = prompts[0]!;
    expect(first).toContain('- hard 0');
    expect(first).toContain('could at first be taken for the class "delivery"');
  });

  it('refuses numbers that are none', async () => {
    await expect(written(unlike, {count: 0})).rejects.toThrow('`count`');
    await expect(written(unlike, {perRequest: 1.5})).rejects.toThrow('`perRequest`');
  });
});

import {mkdtemp} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout} from 'node:timers/promises';
import {describe, expect, it} from 'vitest';
import {withBatches} from '../../../src/ask/batches.ts';
import {withKeeping} from '../../../src/ask/keep/keep.ts';
import {withLeases} from '../../../src/ask/keep/leases.ts';
import {keyed} from '../../../src/ask/layer.ts';
import {openAnswerStore} from '../../../src/store/store.ts';
import {about, fakeTeacher, labelled} from '../fake-teacher.ts';

const fields = {access: 'black-box', detail: {kind: 'label'}, maxBatch: 10} as const;

/** Two openings of one file, as two processes have them. */
async function twoStores() {
  const path = join(await mkdtemp(join(tmpdir(), 'limbeck-leases-')), 'answers');
  return [openAnswerStore({path}), openAnswerStore({path})] as const;
}

const slow = () =>
  fakeTeacher<'black-box'>(fields, async numbers => {
    await setTimeout(30);
    return numbers.map(labelled);
  });

describe('withLeases', () => {
  it('asks about no query that another opening of the store is asking about, and gives its answer', async () => {
    const [one, two] = await twoStores();
    const [first, second] = [slow(), slow()];
    const [answers, others] = await Promise.all([
      withLeases(withKeeping(first, {store: one}), {store: one}).ask(about(1, 2, 3)),
      withLeases(withKeeping(second, {store: two}), {store: two, pollInterval: 5}).ask(about(2, 3, 4)),
    ]);
    expect(answers.map(outcome => 'answer' in outcome && outcome.answer)).toEqual(
      [1, 2, 3].map(n => labelled(n).answer),
    );
    expect(others.map(outcome => 'answer' in outcome && outcome.answer)).toEqual(
      [2, 3, 4].map(n => labelled(n).answer),
    );
    expect([...first.calls.flat(), ...second.calls.flat()].sort()).toEqual([1, 2, 3, 4]);
  });

  it('asks itself if the other one gave up', async () => {
    const [one, two] = await twoStores();
    const broken = fakeTeacher<'black-box'>(fields, async () => {
      await setTimeout(30);
      throw new Error('no connection');
    });
    const [failed, asked] = await Promise.allSettled([
      withLeases(withKeeping(broken, {store: one}), {store: one}).ask(about(1)),
      withLeases(withKeeping(slow(), {store: two}), {store: two, pollInterval: 5}).ask(about(1)),
    ]);
    expect(failed.status).toBe('rejected');
    expect(asked).toMatchObject({status: 'fulfilled', value: [labelled(1)]});
  });

  it('leaves to another one what that is asking, and asks about the rest meanwhile', async () => {
    const [one, two] = await twoStores();
    const numbers = Array.from({length: 400}, (_, number) => number);
    const both = [one, two].map(store => {
      const teacher = fakeTeacher<'black-box'>(fields, async asked => {
        await setTimeout(2);
        return asked.map(labelled);
      });
      const layered = withLeases(withBatches(withKeeping(teacher, {store})), {store, pollInterval: 5, claim: 10});
      return {teacher, answers: layered.ask(about(...numbers))};
    });
    for (const {answers} of both) expect(await answers).toMatchObject(numbers.map(labelled));
    const counts = both.map(({teacher}) => teacher.calls.flat().length);
    expect(counts[0]! + counts[1]!).toBe(400);
    for (const count of counts) expect(count).toBeGreaterThan(100);
  });

  it('has what an ended holder left looked for, and names what nobody knows of, before it asks', async () => {
    const [one, two] = await twoStores();
    const steps: string[] = [];
    const teacher = fakeTeacher<'black-box'>(fields, async numbers => {
      steps.push(`asked ${numbers}`);
      return numbers.map(labelled);
    });
    const doubts = {
      takeOver: async () => void steps.push('taken over'),
      name: async (keys: readonly string[]) => void steps.push(`named ${keys.length}`),
    };
    const layered = withLeases(withKeeping(teacher, {store: two}), {store: two, doubts, pollInterval: 5});
    const [first] = about(1, 2);
    await one.leases.acquire([keyed(layered, first!).key], 20);
    await setTimeout(50);
    await layered.ask(about(1, 2));
    expect(steps).toEqual(['taken over', 'named 1', 'asked 1,2']);
  });

  it('gives back every lease, whatever becomes of the call', async () => {
    const [one, two] = await twoStores();
    const teacher = withLeases(withKeeping(slow(), {store: one}), {store: one});
    await teacher.ask(about(1));
    const {key} = keyed(teacher, about(1)[0]!);
    expect(await two.leases.acquire([key], 1000)).toEqual([true]);
  });

  it('stops waiting for another one when it is stopped', async () => {
    const [one, two] = await twoStores();
    const teacher = withLeases(withKeeping(slow(), {store: two}), {store: two, pollInterval: 5});
    const [query] = about(1);
    expect(await one.leases.acquire([keyed(teacher, query!).key], 60_000)).toEqual([true]);
    const controller = new AbortController();
    const asking = teacher.ask([query!], {stop: controller.signal});
    controller.abort(new Error('enough'));
    await expect(asking).rejects.toThrow('enough');
  });
});

import {describe, expect, it} from 'vitest';
import {withKeeping} from '../../../src/ask/keep/keep.ts';
import {type RecordMode, withRecordMode} from '../../../src/ask/keep/record.ts';
import {openAnswerStore} from '../../../src/store/store.ts';
import {answerKey} from '../../../src/store/stored-answer.ts';
import {about, fakeTeacher, labelled} from '../fake-teacher.ts';

const fields = {access: 'black-box', detail: {kind: 'label'}} as const;
const labeller = (identity = {service: 'fake', version: 1}) =>
  fakeTeacher<'black-box'>({...fields, identity}, numbers => numbers.map(labelled));

/** A store that holds the answers to 1 and 2. */
async function recorded() {
  const store = openAnswerStore({store: new Map()});
  await withKeeping(labeller(), {store}).ask(about(1, 2));
  return store;
}

const over = async (teacher: ReturnType<typeof labeller>, mode: RecordMode) =>
  withRecordMode(teacher, {store: await recorded(), mode});

describe('withRecordMode', () => {
  it('refuses with `none` each query for itself, with its key and what to do, and asks nobody', async () => {
    const teacher = labeller();
    const outcomes = await (await over(teacher, 'none')).ask(about(5, 6));
    const messages = outcomes.map(outcome => ('error' in outcome ? outcome.error.message : ''));
    for (const [index, query] of about(5, 6).entries()) {
      expect(messages[index]).toContain(`No answer is kept under key ${answerKey(teacher.identity, query)}`);
      expect(messages[index]).toContain('Run once without `--offline`');
    }
    expect(teacher.calls).toEqual([]);
  });

  it('names the nearest kept answer and the field that differs, once', async () => {
    const teacher = labeller({service: 'fake', version: 2});
    const [first, second] = await (await over(teacher, 'none')).ask(about(1, 2));
    const near = answerKey(labeller().identity, about(1)[0]!);
    expect(first).toMatchObject({
      error: {message: expect.stringContaining(`The nearest is ${near}: its identity.version is 2 and was 1.`)},
    });
    expect(second).toMatchObject({error: {message: expect.not.stringContaining('nearest')}});
  });

  it('asks with `once` if nothing of the teacher is kept', async () => {
    const teacher = labeller({service: 'fake', version: 2});
    expect(await (await over(teacher, 'once')).ask(about(5))).toEqual([labelled(5)]);
  });

  it('refuses with `once` what is new to a recording that exists', async () => {
    const teacher = labeller();
    expect(await (await over(teacher, 'once')).ask(about(5))).toMatchObject([
      {error: {message: expect.stringContaining('Record what is new with `--record new`.')}},
    ]);
    expect(teacher.calls).toEqual([]);
  });

  it('knows a teacher again with `once` whose identity has its names in another order', async () => {
    const teacher = labeller({version: 1, service: 'fake'});
    expect(await (await over(teacher, 'once')).ask(about(5))).toMatchObject([{error: expect.any(Error)}]);
    expect(teacher.calls).toEqual([]);
  });

  it('lets everything through with `new` and `all`', async () => {
    for (const mode of ['new', 'all'] as const) {
      expect(await (await over(labeller(), mode)).ask(about(1, 5))).toEqual([labelled(1), labelled(5)]);
    }
  });
});

import {createHash} from 'node:crypto';
import {describe, expect, it} from 'vitest';
import {withCache} from '../../src/ask/keep/cache.ts';
import {withKeeping} from '../../src/ask/keep/keep.ts';
import {AnswerStoreError} from '../../src/errors.ts';
import {type AnswerStore, openAnswerStore, type StoredAnswer} from '../../src/store/store.ts';
import {answerKey, digestQuery} from '../../src/store/stored-answer.ts';
import type {Query} from '../../src/teacher.ts';
import {about, fakeTeacher, labelled} from '../ask/fake-teacher.ts';

const identity = {service: 'fake'};
const [query] = about(1) as [Query];
const stored: StoredAnswer = {
  format: 1,
  teacher: {name: 'a fake', identity},
  question: digestQuery(query),
  detail: {kind: 'label'},
  answer: {kind: 'label', label: 1},
  storedAt: '2026-01-01T00:00:00.000Z',
};

/** The key as a version would have made it that hashed the text alone. */
const OLD_KEY = createHash('sha256').update('1').digest('hex');

function askingWith(store: AnswerStore) {
  const teacher = fakeTeacher<'black-box'>({access: 'black-box', detail: {kind: 'label'}, identity}, numbers =>
    numbers.map(labelled),
  );
  return {teacher, cached: withCache(withKeeping(teacher, {store}), {store})};
}

describe('a store whose answers are kept under keys of another form', () => {
  it('is refused, with what to do, before anything is bought that it holds', async () => {
    const store = openAnswerStore({store: new Map()});
    await store.set(OLD_KEY, stored);
    const {teacher, cached} = askingWith(store);
    const refusal = cached.ask([query]);
    await expect(refusal).rejects.toBeInstanceOf(AnswerStoreError);
    await expect(refusal).rejects.toThrow(
      /keys of another form than this version's \(1\).*Use the version of limbeck that wrote it, or name another store/,
    );
    expect(teacher.calls).toEqual([]);
  });

  it('is told from one of the present form, from an empty one, and from one that lists nothing', async () => {
    const present = openAnswerStore({store: new Map()});
    await present.set(answerKey(identity, query), stored);
    const {teacher, cached} = askingWith(present);
    expect(await cached.ask([query])).toEqual([labelled(1)]);
    expect(teacher.calls).toEqual([]);

    const unlisted = Object.assign(new Map<string, unknown>(), {[Symbol.iterator]: undefined});
    for (const store of [openAnswerStore({store: new Map()}), openAnswerStore({store: unlisted})]) {
      const asking = askingWith(store);
      expect(await asking.cached.ask([query])).toEqual([labelled(1)]);
      expect(asking.teacher.calls).toEqual([[1]]);
    }
  });
});

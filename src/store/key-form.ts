import {AnswerStoreError} from '../errors.ts';
import {digestKey, KEY_VERSION} from './key.ts';
import type {AnswerEntry, AnswerStore} from './store.ts';

const checked = new WeakMap<AnswerStore, Promise<void>>();

/**
 * Looks, once a store, whether its answers are kept under keys of this version's form. Of another form none would be
 * found, and all of them bought again.
 *
 * @throws AnswerStoreError where they are not
 */
export function checkKeyForm(store: AnswerStore): Promise<void> {
  const known = checked.get(store) ?? check(store);
  checked.set(store, known);
  return known;
}

async function check(store: AnswerStore): Promise<void> {
  // A store that can't be read says so where it is asked for an answer; not every one can list them.
  const entry = await firstOf(store).catch(() => undefined);
  if (entry === undefined || digestKey(entry.stored.teacher.identity, entry.stored.question) === entry.key) return;
  throw new AnswerStoreError(
    `The answer store (${store.name}) keeps its answers under keys of another form than this version's ` +
      `(${KEY_VERSION}): none would be found, and all would be bought again. ` +
      'Use the version of limbeck that wrote it, or name another store; `limbeck cache verify` lists what does not fit.',
  );
}

async function firstOf(store: AnswerStore): Promise<AnswerEntry | undefined> {
  for await (const entry of store.entries()) return entry;
  return undefined;
}

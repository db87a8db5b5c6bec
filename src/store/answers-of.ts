import type {Teacher} from '../teacher.ts';
import {identityText} from './key.ts';
import type {AnswerStore} from './store.ts';

/** True if a store holds any answer of a teacher. Reads the store until it finds one. */
export async function holdsAnswerOf(store: AnswerStore, identity: Teacher['identity']): Promise<boolean> {
  const own = identityText(identity);
  for await (const {stored} of store.entries()) if (identityText(stored.teacher.identity) === own) return true;
  return false;
}

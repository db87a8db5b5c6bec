import {InputError} from '../../errors.ts';
import {journalOf} from '../../store/cache-path.ts';
import {writeDeleted} from '../../store/journal/deleted-keys.ts';
import {openTerminal} from '../terminal.ts';
import {type CacheFlags, withStore} from './with-store.ts';

export async function runDelete(keys: readonly string[], {cache, json = false}: CacheFlags): Promise<void> {
  await withStore(cache, async store => {
    const unknown: string[] = [];
    // Recorded first, because an answer deleted without a record would come back from the journal.
    writeDeleted(journalOf(cache), keys);
    for (const key of keys) if (!(await store.delete(key))) unknown.push(key);
    if (unknown.length > 0) {
      throw new InputError(
        `${store.name} holds no answer under ${unknown.join(', ')}. \`limbeck cache list\` shows the keys.`,
      );
    }
    openTerminal({json}).result({cache: store.name, deleted: keys}, `Deleted ${keys.length} from ${store.name}`);
  });
}

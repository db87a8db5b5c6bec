import type {AnswerStore} from '../../src/store/store.ts';

/** A store with some of its methods replaced. */
export function storeOver(store: AnswerStore, changes: Partial<AnswerStore>): AnswerStore {
  return {
    name: store.name,
    leases: store.leases,
    open: () => store.open(),
    get: key => store.get(key),
    getMany: keys => store.getMany(keys),
    set: (key, stored) => store.set(key, stored),
    setMany: entries => store.setMany(entries),
    delete: key => store.delete(key),
    entries: () => store.entries(),
    count: () => store.count(),
    close: () => store.close(),
    ...changes,
  };
}

import {Keyv, type KeyvStoreAdapter} from 'keyv';
import type {Leases} from './leases.ts';
import type {ShortAnswers} from './short-answers.ts';

/** The parts of an answer store. */
export interface Backend {
  readonly keyv: Keyv;
  readonly leases: Leases;
  /** The stored form of its answers. Undefined: they are whole for Keyv. */
  readonly short?: ShortAnswers;
  close(): Promise<void>;
}

/** How a store at a URL is opened. */
export interface UrlOptions {
  /** The folder of the journal that says what holders of leases sent. */
  readonly journal?: string | undefined;
  /** Whether a lost connection is tried again for as long as it takes. */
  readonly reconnects: boolean;
  /** Milliseconds after which an operation has failed. */
  readonly timeout: number;
}

type Storage = KeyvStoreAdapter & {count?(): Promise<number>};

/** The values of keys, in their order. */
export async function valuesOf({keyv}: Backend, keys: readonly string[]): Promise<readonly unknown[]> {
  // Keyv 5 takes a failed read for a miss if it reads several keys one by one, whatever `throwOnErrors` says.
  return storageOf(keyv).getMany ? keyv.getMany([...keys]) : Promise.all(keys.map(key => keyv.get(key)));
}

/** The answers that values of a storage stand for. */
export async function wholeIn(backend: Backend, values: readonly unknown[]): Promise<readonly unknown[]> {
  return backend.short?.restore(values, keys => valuesOf(backend, keys)) ?? values;
}

/** Keyv over a storage of ours: its keys need no prefix, and it keeps values as they are. */
export function keyvOver(store: KeyvStoreAdapter & Required<Pick<KeyvStoreAdapter, 'iterator'>>): Keyv {
  const keyv = new Keyv({store, throwOnErrors: true, useKeyPrefix: false});
  keyv.serialize = undefined;
  keyv.deserialize = undefined;
  keyv.iterator = keyv.generateIterator(store.iterator.bind(store));
  return keyv;
}

export function storageOf(keyv: Keyv): Storage {
  return keyv.store as Storage;
}

import {deserialize, serialize} from 'node:v8';
import {Keyv, type KeyvStoreAdapter} from 'keyv';
import {type Leases, NO_LEASES} from './leases.ts';
import {LmdbLeases} from './lmdb/leases.ts';
import {LmdbStore} from './lmdb/store.ts';
import {RedisLeases} from './redis-leases.ts';
import {openStorage, type RedisStorage, type StoreUrl} from './store-url.ts';

/** The parts of an answer store. */
export interface Backend {
  readonly keyv: Keyv;
  readonly leases: Leases;
  close(): Promise<void>;
}

const NAMESPACE = 'limbeck';

/**
 * The embedded store, with its leases in a file beside it.
 *
 * @param journal - the folder of the journal that says what holders of leases sent
 */
export function openEmbedded(path: string, journal?: string): Backend {
  const store = new LmdbStore(path);
  // The file is ours alone, so its keys need no prefix.
  const keyv = new Keyv({store, throwOnErrors: true, useKeyPrefix: false});
  // The store keeps values as they are, so nothing is serialised.
  keyv.serialize = undefined;
  keyv.deserialize = undefined;
  keyv.iterator = keyv.generateIterator(store.iterator.bind(store));
  const leases = new LmdbLeases(`${path}-leases`, Date.now, journal);
  return {
    keyv,
    leases,
    async close() {
      await leases.close();
      await keyv.disconnect();
    },
  };
}

export function openGiven(store: KeyvStoreAdapter | Map<string, unknown>): Backend {
  const keyv = new Keyv({...OPTIONS, store});
  return {keyv, leases: NO_LEASES, close: () => keyv.disconnect()};
}

/**
 * @param journal - the folder of the journal that says what holders of leases sent
 * @throws AnswerStoreError if the adapter's package is not installed; Error if the server can't be reached
 */
export async function openUrl(url: StoreUrl, journal?: string): Promise<Backend> {
  const store = await openStorage(url);
  // The adapter for Redis adds the namespace to its keys itself.
  const keyv = new Keyv({...OPTIONS, store, useKeyPrefix: !url.hasLeases});
  return {
    keyv,
    leases: url.hasLeases ? new RedisLeases((store as RedisStorage).client, journal) : NO_LEASES,
    // Forced, because a server may no longer answer, and acknowledged writes are safe.
    close: async () => store.disconnect?.(true),
  };
}

const OPTIONS = {throwOnErrors: true, namespace: NAMESPACE, serialize: toText, deserialize: fromText} as const;

/** Keyv's own JSON loses infinities and typed arrays; this keeps both. */
function toText(data: unknown): string {
  return serialize(data).toString('base64');
}

function fromText<T>(text: string): T {
  return deserialize(Buffer.from(text, 'base64')) as T;
}

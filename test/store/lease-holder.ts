/** A process that takes a lease and does not give it back. Arguments: the store as JSON, the key. */
import {type AnswerStoreOptions, openAnswerStore} from '../../src/store/store.ts';

const [options = '{}', key = ''] = process.argv.slice(2);
const store = openAnswerStore(JSON.parse(options) as AnswerStoreOptions);
process.stdout.write(`${(await store.leases.acquire([key], 600_000))[0]}\n`);
setInterval(() => {}, 1000);

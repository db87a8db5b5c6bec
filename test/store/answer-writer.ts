/**
 * A process that writes answers to a store and says after each batch how many are acknowledged, for tests that kill it
 * or run several at once. Arguments: the path of the store, a prefix for its keys, how many batches of 10.
 */
import {openAnswerStore} from '../../src/store/store.ts';
import {storedAnswer} from './stored-answer.ts';

const [path = '', prefix = '', batches = '0'] = process.argv.slice(2);
const store = openAnswerStore({path});
// A limit on the size of files then shows as a failed write, as a full disk does.
process.on('SIGXFSZ', () => {});
try {
  for (let batch = 0; batch < Number(batches); batch++) {
    const entries = Array.from({length: 10}, (_, index) => {
      const number = batch * 10 + index;
      return {key: `${prefix}${number}`, stored: storedAnswer(Float32Array.of(number, -number, 0.5))};
    });
    await store.setMany(entries);
    process.stdout.write(`${batch * 10 + 10}\n`);
  }
  await store.close();
} catch (error) {
  process.stdout.write(`${(error as Error).name}: ${(error as Error).message}\n`);
}

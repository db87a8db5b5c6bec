/** Writes one checkpoint after another, each filled with its number, until it is killed. */
import {writeCheckpoint} from '../../src/train/checkpoint-file.ts';
import {NO_TIME} from '../../src/train/profile.ts';

const [path] = process.argv.slice(2) as [string];
for (let round = 1; ; round++) {
  const data = new Float32Array(4e6).fill(round);
  await writeCheckpoint(path, {
    fingerprint: {round},
    progress: {epoch: round, step: 0, sums: [], epochs: [], best: {score: 0, worse: 0}, profile: NO_TIME},
    tensors: new Map([['weights/0', {dtype: 'F32', shape: [4e6], data}]]),
  });
  process.stdout.write(`${round}\n`);
}

/**
 * Trains one epoch from a file of knowledge, read whole (`load`) or row by row (`open`), and prints the most megabytes
 * that the process held.
 */
import {startEngine} from '../../src/engine/engine.ts';
import {loadKnowledge} from '../../src/knowledge/files.ts';
import {openKnowledge} from '../../src/knowledge/open-knowledge.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import {mlp} from '../../src/student/mlp.ts';
import {train} from '../../src/train/train.ts';

const [how, path] = process.argv.slice(2) as ['load' | 'open', string];
await startEngine();
const knowledge = await (how === 'load' ? loadKnowledge : openKnowledge)(path);
const {classes} = knowledge;
const student = mlp({units: [4]})({classes, inputShape: [32, 32, 3], preprocessing: {}}, 1);
let most = 0;
const onStep = (): void => {
  most = Math.max(most, process.memoryUsage().arrayBuffers);
};
const options = {losses: [hardLabels()], seed: 1, epochs: 1, batchSize: 512, onStep};
for await (const _ of train(student, knowledge, options)) {
  // Only the memory counts.
}
process.stdout.write(JSON.stringify({arrays: most / 1e6, resident: process.resourceUsage().maxRSS / 1000}));

/** The example's own code with networks small enough for a test. Prints what it says, then its results. */
import {lenet, startEngine} from 'limbeck';
import {readCifar} from 'limbeck/data';
import {distil} from '../../examples/cifar100/distil.ts';
import {objective} from '../../examples/cifar100/settings.ts';

const [data, folder, epochs] = process.argv.slice(2) as [string, string, string];
await startEngine();
const results = await distil(await readCifar({folder: data}), {
  networks: {teacher: lenet({filters: [4, 8], units: 32}), student: lenet({filters: [4, 8], units: 24})},
  // Without batch norm these networks don't bear the rate of the papers times T².
  objective: {...objective, temperature: 1},
  epochs: Number(epochs),
  folder,
  everySeconds: 0,
  say: line => console.log(line),
});
console.log(JSON.stringify(results));

import {startEngine} from 'limbeck';
import {type Draw, drawOnce} from './cascade-draw.ts';
import type {CascadeTask} from './cascade-tasks.ts';

/** The work of a child process: draws of a task, by their seeds. */
export interface DrawJob {
  readonly task: CascadeTask;
  readonly seeds: readonly number[];
  /** Every such number of draws, one is also calibrated by a point estimate. */
  readonly pointEvery: number;
}

process.once('disconnect', () => process.exit());
process.on('message', async ({task, seeds, pointEvery}: DrawJob) => {
  await startEngine();
  for (const seed of seeds) {
    const draw: Draw = await drawOnce(task, seed, {withPoint: seed % pointEvery === 0});
    process.send!(draw);
  }
  process.disconnect();
});

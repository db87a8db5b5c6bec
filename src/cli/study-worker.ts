import {savedKnowledge} from '../study/asking.ts';
import {execute} from '../study/run.ts';
import {openStudy} from '../study/study.ts';
import type {Job, WorkerMessage, WorkerSetup} from '../study/workers.ts';
import {loadRecipe} from './load-recipe.ts';

// A process of a study that trains students: it gets jobs from the process that started it and sends back what came of
// them. It ends with that process, and leaves Ctrl-C to it.
process.on('SIGINT', () => {});
process.once('disconnect', () => process.exit());

const {module, directory} = JSON.parse(process.argv[2]!) as WorkerSetup;
const opening = loadRecipe(module).then(recipe => openStudy(recipe, [], {directory, offline: true}));

process.on('message', async (job: Job) => {
  try {
    const study = await opening;
    const method = study.recipe.methods[job.method]!;
    const executed = await execute(study, method, await savedKnowledge(study, method), job.seed, {
      onStep: throttled(share => say({kind: 'progress', share})),
    });
    say({kind: 'executed', executed});
  } catch (error) {
    say({kind: 'failed', reason: error instanceof Error ? error.message : String(error)});
  }
});

function say(message: WorkerMessage): void {
  process.send?.(message);
}

/** Every step would flood the channel. */
function throttled(tell: (share: number) => void): (step: number, steps: number) => void {
  let told = 0;
  return (step, steps) => {
    if (performance.now() - told < 100) return;
    told = performance.now();
    tell(step / steps);
  };
}

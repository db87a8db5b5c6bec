import {type Executed, execute} from '../study/run.ts';
import {withSavedKnowledge} from '../study/saved-knowledge.ts';
import {openStudy, type Study} from '../study/study.ts';
import type {Job, WorkerMessage, WorkerSetup} from '../study/workers.ts';
import {loadRecipe} from './load-recipe.ts';

// A process of a study that trains students: it gets jobs from the process that started it and sends back what came of
// them. It ends with that process, once the run under way is kept, and leaves Ctrl-C to it.
process.on('SIGINT', () => {});
process.once('disconnect', end).once('SIGTERM', end);

const stop = new AbortController();
let training: Promise<unknown> | undefined;

const {module, directory} = JSON.parse(process.argv[2]!) as WorkerSetup;
const opening = loadRecipe(module).then(recipe =>
  openStudy(recipe, [], {directory, record: 'none', signal: stop.signal, onNote: note => say({kind: 'note', note})}),
);

process.on('message', async (job: Job) => {
  try {
    const study = await opening;
    const executing = run(study, job);
    training = executing;
    say({kind: 'executed', executed: await executing});
  } catch (error) {
    say({kind: 'failed', reason: error instanceof Error ? error.message : String(error)});
  }
});

function run(study: Study, {method: place, seed}: Job): Promise<Executed> {
  const method = study.recipe.methods[place]!;
  const onStep = throttled(share => say({kind: 'progress', share}));
  return withSavedKnowledge(study, method, knowledge => execute(study, method, knowledge, seed, onStep));
}

async function end(): Promise<void> {
  stop.abort();
  await training?.catch(() => {});
  process.exit();
}

function say(message: WorkerMessage): void {
  // Whom it is said to may be gone, which is no error: `disconnect` comes next.
  if (process.connected) process.send!(message, undefined, {}, () => {});
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

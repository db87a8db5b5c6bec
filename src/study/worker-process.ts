import type {Knowledge, StoredKnowledge} from '../knowledge/knowledge.ts';
import {loadRecipe} from '../recipe/load.ts';
import {changedMethod} from './changes.ts';
import {execute} from './run.ts';
import {withSavedKnowledge} from './saved-knowledge.ts';
import {openStudy, type Study} from './study.ts';
import {methodAt} from './tune/settings.ts';
import {tryOut} from './tune/trial.ts';
import {liveLevels} from './viewing.ts';
import type {Job, TrialJob, WorkerMessage, WorkerSetup} from './workers.ts';

// A process of a study that trains students: it gets jobs from the process that started it and sends back what came of
// them. It ends with that process, once the run under way is kept, and leaves Ctrl-C to it.
process.on('SIGINT', () => {});
process.once('disconnect', end).once('SIGTERM', end);

const stop = new AbortController();
let training: Promise<unknown> | undefined;

const {module, directory} = JSON.parse(process.argv[2]!) as WorkerSetup;
const opening = loadRecipe(module).then(recipe =>
  openStudy(recipe, liveLevels(recipe.methods), {
    directory,
    record: 'none',
    signal: stop.signal,
    onNote: note => say({kind: 'note', note}),
  }),
);

process.on('message', async (job: Job | TrialJob) => {
  try {
    const study = await opening;
    const working = 'setting' in job ? tried(study, job) : executed(study, job);
    training = working;
    say(await working);
  } catch (error) {
    say({kind: 'failed', reason: error instanceof Error ? error.message : String(error)});
  }
});

async function executed(study: Study, {method: index, seed, changes = {}}: Job): Promise<WorkerMessage> {
  const method = changedMethod(study.recipe.methods[index]!, changes);
  const onStep = throttled((step: number, steps: number) => say({kind: 'progress', share: step / steps}));
  const train = (knowledge: Knowledge | StoredKnowledge) => execute(study, method, knowledge, seed, {changes, onStep});
  const executed = await withSavedKnowledge(study, method, train, changes);
  return {kind: 'executed', executed};
}

async function tried(study: Study, {method: index, changes = {}, setting, epochs}: TrialJob): Promise<WorkerMessage> {
  const method = methodAt(changedMethod(study.recipe.methods[index]!, changes), setting);
  const onShare = throttled((share: number) => say({kind: 'progress', share}));
  const attempt = (knowledge: Knowledge | StoredKnowledge) => tryOut(study, method, knowledge, epochs, onShare);
  const outcome = await withSavedKnowledge(study, method, attempt, changes);
  return {kind: 'tried', outcome};
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
function throttled<T extends readonly number[]>(tell: (...values: T) => void): (...values: T) => void {
  let told = 0;
  return (...values) => {
    if (performance.now() - told < 100) return;
    told = performance.now();
    tell(...values);
  };
}

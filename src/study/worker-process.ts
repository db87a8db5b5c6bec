import {loadRecipe} from '../recipe/load.ts';
import {readRecipe} from './checks.ts';
import {withSavedKnowledge} from './knowledge.ts';
import {changed} from './methods.ts';
import {execute} from './run.ts';
import {openStudy, type Study} from './study.ts';
import {methodAt} from './tune/settings.ts';
import {tryOut} from './tune/trial.ts';
import type {RunMessage, TrialMessage, WorkerMessage, WorkerSetup} from './workers.ts';

// A process of a study that trains students: it gets jobs from the process that started it and sends back what came of
// them. It ends with that process, once the run under way is kept, and leaves Ctrl-C to it.
process.on('SIGINT', () => {});
process.once('disconnect', end).once('SIGTERM', end);

const stop = new AbortController();
let training: Promise<unknown> | undefined;

const {module, directory} = JSON.parse(process.argv[2]!) as WorkerSetup;
const opening = open();

async function open(): Promise<Study> {
  const recipe = await readRecipe(await loadRecipe(module));
  const live = recipe.methods.flatMap(({liveLevel}) => liveLevel ?? []);
  return openStudy(recipe, live, {
    directory,
    record: 'none',
    signal: stop.signal,
    onNote: note => say({kind: 'note', note}),
  });
}

process.on('message', async (message: RunMessage | TrialMessage) => {
  try {
    const study = await opening;
    const working = 'setting' in message ? tried(study, message) : executed(study, message);
    training = working;
    say(await working);
  } catch (error) {
    say({kind: 'failed', reason: error instanceof Error ? error.message : String(error)});
  }
});

async function executed(study: Study, {method: index, seed, changes}: RunMessage): Promise<WorkerMessage> {
  const method = changed(study.recipe.methods[index]!, changes);
  const onStep = throttled((step: number, steps: number) => say({kind: 'progress', share: step / steps}));
  return {
    kind: 'executed',
    executed: await withSavedKnowledge(study, method, answered => execute(study, answered, seed, onStep)),
  };
}

async function tried(study: Study, {method: index, changes, setting, epochs}: TrialMessage): Promise<WorkerMessage> {
  const method = methodAt(changed(study.recipe.methods[index]!, changes), setting);
  const onShare = throttled((share: number) => say({kind: 'progress', share}));
  return {
    kind: 'tried',
    outcome: await withSavedKnowledge(study, method, answered => tryOut(study, answered, epochs, onShare)),
  };
}

async function end(): Promise<void> {
  stop.abort();
  await training?.catch(() => {});
  process.exit();
}

function say(message: WorkerMessage): void {
  // The process that started this one may be gone, which is no error: `disconnect` comes next.
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

import {loadRecipe} from '../recipe/load.ts';
import {resolveRecipe} from '../recipe/resolve.ts';
import {type JobListeners, type JobRunner, LocalRunner} from './jobs.ts';
import {withSavedKnowledge} from './knowledge.ts';
import {type AnsweredMethod, changed} from './methods.ts';
import {openStudy, type Study} from './study.ts';
import type {RunMessage, TrialMessage, WorkerMessage, WorkerSetup} from './workers.ts';

// A process of a study that trains students: it gets jobs from the process that started it and sends back what came of
// them. It ends with that process, once the run under way is kept, and leaves Ctrl-C to it.
process.on('SIGINT', () => {});
process.once('disconnect', end).once('SIGTERM', end);

const stop = new AbortController();
let training: Promise<unknown> | undefined;

const {module, changes, directory} = JSON.parse(process.argv[2]!) as WorkerSetup;
const opening = open();

async function open(): Promise<Study> {
  const recipe = await resolveRecipe({...(await loadRecipe(module)), ...changes});
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
    const method = changed(study.recipe.methods[message.method]!, message.changes);
    const working = withSavedKnowledge(study, method, answered => made(new LocalRunner(study), answered, message));
    training = working;
    say(await working);
  } catch (error) {
    say({kind: 'failed', reason: error instanceof Error ? error.message : String(error)});
  }
});

async function made(
  runner: JobRunner,
  method: AnsweredMethod,
  message: RunMessage | TrialMessage,
): Promise<WorkerMessage> {
  const onNote = (note: string) => say({kind: 'note', note});
  const listeners = {onNote, onProgress: throttled((share, steps) => say({kind: 'progress', share, steps}))};
  if ('seed' in message) {
    return {kind: 'executed', executed: await runner.run({...message, method}, listeners)};
  }
  return {kind: 'tried', outcome: await runner.trial({method, epochs: message.epochs}, listeners)};
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
function throttled(tell: JobListeners['onProgress']): JobListeners['onProgress'] {
  let told = 0;
  return (share, steps) => {
    if (performance.now() - told < 100) return;
    told = performance.now();
    tell(share, steps);
  };
}

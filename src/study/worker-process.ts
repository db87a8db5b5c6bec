import {loadRecipe} from '../recipe/load.ts';
import {resolveRecipe} from '../recipe/resolve.ts';
import type {RunMessage, TrialMessage, WorkerMessage} from './job-messages.ts';
import {type JobListeners, LocalRunner} from './jobs.ts';
import {jointParts, teachingOf} from './joint/teaching.ts';
import {withAllKnowledge} from './knowledge.ts';
import {type AnsweredMethod, changed} from './methods.ts';
import {openStudies, type QuestionStudy} from './studies.ts';
import {openStudy} from './study.ts';
import type {WorkerSetup} from './workers.ts';

// A process of a study that trains students: it gets jobs from the process that started it and sends back what came of
// them. It ends with that process, once the run under way is kept, and leaves Ctrl-C to it.
process.on('SIGINT', () => {});
process.once('disconnect', end).once('SIGTERM', end);

const stop = new AbortController();
let training: Promise<unknown> | undefined;

const {module, changes, directory, knowledge} = JSON.parse(process.argv[2]!) as WorkerSetup;
const opening = open();

async function open(): Promise<readonly QuestionStudy[]> {
  const options = {
    directory,
    knowledge,
    record: 'none',
    signal: stop.signal,
    onNote: (note: string) => say({kind: 'note', note}),
  } as const;
  return openStudies({...(await loadRecipe(module)), ...changes}, options, async (about, own) => {
    const recipe = await resolveRecipe(about);
    return openStudy(
      recipe,
      recipe.methods.flatMap(({liveLevel}) => liveLevel ?? []),
      own,
    );
  });
}

process.on('message', async (message: RunMessage | TrialMessage) => {
  try {
    const studies = await opening;
    const untaught = studies.map(({study}, index) => {
      return {study, method: changed(study.recipe.methods[message.method]!, message.changes[index]!)};
    });
    const working = withAllKnowledge(untaught, methods => made(studies, methods, message));
    training = working;
    say(await working);
  } catch (error) {
    say({kind: 'failed', reason: error instanceof Error ? error.message : String(error)});
  }
});

async function made(
  studies: readonly QuestionStudy[],
  methods: readonly AnsweredMethod[],
  message: RunMessage | TrialMessage,
): Promise<WorkerMessage> {
  const [{study, question}] = studies as readonly [QuestionStudy];
  const method = methods[0]!;
  const runner = new LocalRunner(study);
  if ('epochs' in message) {
    return {kind: 'tried', outcome: await runner.trial({method, epochs: message.epochs}, listeners())};
  }
  const {budget, seed} = message;
  if (question === undefined)
    return {kind: 'executed', executed: [await runner.run({method, budget, seed}, listeners())]};
  const teaching = await teachingOf(jointParts(studies, methods), budget);
  return {kind: 'executed', executed: await runner.runJointly({directory, teaching, seed}, listeners())};
}

function listeners(): JobListeners {
  return {
    onNote: note => say({kind: 'note', note}),
    onProgress: throttled((share, steps) => say({kind: 'progress', share, steps})),
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
function throttled(tell: JobListeners['onProgress']): JobListeners['onProgress'] {
  let told = 0;
  return (share, steps) => {
    if (performance.now() - told < 100) return;
    told = performance.now();
    tell(share, steps);
  };
}

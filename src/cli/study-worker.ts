import {loadKnowledge} from '../knowledge/files.ts';
import type {Knowledge} from '../knowledge/knowledge.ts';
import {knowledgePath} from '../study/asking.ts';
import {knowledgeFor} from '../study/methods.ts';
import {execute} from '../study/run.ts';
import {openStudy, type Study} from '../study/study.ts';
import type {Job, WorkerMessage, WorkerSetup} from '../study/workers.ts';
import type {Access} from '../teacher.ts';
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
    const executed = await execute(study, method, await knowledgeOf(study, job), job.seed, {
      onStep: throttled(share => say({kind: 'progress', share})),
    });
    say({kind: 'executed', executed});
  } catch (error) {
    say({kind: 'failed', reason: error instanceof Error ? error.message : String(error)});
  }
});

async function knowledgeOf({recipe, directory, drawn, data}: Study, job: Job): Promise<Knowledge> {
  const method = recipe.methods[job.method]!;
  const levels = new Map<Access, Knowledge>();
  if (method.level !== 'none') levels.set(method.level, await loadKnowledge(knowledgePath(directory, method.level)));
  return knowledgeFor(method, levels, drawn, data.classes);
}

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

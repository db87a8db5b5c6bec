import {Command} from 'commander';
import {InputError} from '../errors.ts';
import {loadKnowledge} from '../knowledge/files.ts';
import type {Knowledge} from '../knowledge/knowledge.ts';
import type {Method, Recipe} from '../recipe/recipe.ts';
import {knowledgePath} from '../study/asking.ts';
import {knowledgeFor} from '../study/methods.ts';
import {learn} from '../study/run.ts';
import {openStudy, type Study} from '../study/study.ts';
import type {Access} from '../teacher.ts';
import {engineLine} from './engine.ts';
import {loadRecipe} from './load-recipe.ts';
import {wholeNumber} from './numbers.ts';
import {type StudyFlags, studyOptions, withStudyFlags} from './study-options.ts';
import {openTerminal} from './terminal.ts';

interface TrainFlags extends StudyFlags {
  readonly method?: string;
  readonly seed?: number;
}

/** `limbeck train RECIPE`: one student from saved knowledge. */
export function trainCommand(): Command {
  return withStudyFlags(new Command('train'))
    .description('train one student by one method of a recipe, from the knowledge that `label` saved')
    .argument('<recipe>', 'a module that exports a recipe by default')
    .option('--method <name>', 'the method (default: the recipe’s last)')
    .option('--seed <number>', 'the seed (default: the recipe’s first)', wholeNumber)
    .action(runTrain);
}

async function runTrain(path: string, flags: TrainFlags): Promise<void> {
  const terminal = openTerminal({json: flags.json ?? false});
  const recipe = await loadRecipe(path);
  const method = methodNamed(recipe, flags.method);
  const seed = flags.seed ?? recipe.seeds[0]!;
  terminal.note(await engineLine());
  const study = await openStudy(recipe, studyOptions(flags, terminal));
  try {
    const knowledge = await savedKnowledge(study, method);
    const {directory, curve, seconds} = await learn(study, method, knowledge, seed);
    const {loss, validationAccuracy} = curve.at(-1)!;
    const shown = validationAccuracy === null ? '' : `, validation accuracy ${(100 * validationAccuracy).toFixed(2)} %`;
    terminal.result(
      {level: method.level, method: method.method, seed, directory, seconds, loss, validationAccuracy, curve},
      `${method.method}, seed ${seed}: loss ${loss.toFixed(4)}${shown}\nStudent: ${directory}`,
    );
  } finally {
    await study.close();
  }
}

function methodNamed({methods}: Recipe, name: string | undefined): Method {
  const method = name === undefined ? methods.at(-1) : methods.find(candidate => candidate.method === name);
  if (method !== undefined) return method;
  const names = methods.map(candidate => `\`${candidate.method}\``).join(', ');
  throw new InputError(`The recipe has no method \`${name}\`. It has: ${names}.`);
}

async function savedKnowledge(study: Study, method: Method): Promise<Knowledge> {
  const {level} = method;
  const levels = new Map<Access, Knowledge>();
  if (level !== 'none') levels.set(level, await loadKnowledge(knowledgePath(study.directory, level)));
  return knowledgeFor(method, levels, study.drawn, study.data.classes);
}

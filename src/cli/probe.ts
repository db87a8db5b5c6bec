import {Command, Option} from 'commander';
import {KnowledgeError} from '../errors.ts';
import {loadRecipe} from '../recipe/load.ts';
import {LEVELS} from '../study/methods.ts';
import {probeStudy} from '../study/probe.ts';
import {list} from '../study/report/format.ts';
import type {Access} from '../teacher.ts';
import {positive} from './numbers.ts';
import {brokenLevels, probeText} from './probe-text.ts';
import {type StudyFlags, studyOptions, withAskingFlags} from './study-options.ts';
import {openTerminal} from './terminal.ts';

interface ProbeFlags extends Omit<StudyFlags, 'out' | 'driftEvery'> {
  readonly level?: Access;
  readonly questions: number;
}

/** `limbeck probe RECIPE`: ask a handful of questions, and say what the teachers give in truth. */
export function probeCommand(): Command {
  return withAskingFlags(new Command('probe'))
    .description('ask a recipe’s teachers a handful of questions and say what they give in truth, at what cost')
    .argument('<recipe>', 'a module that exports a recipe by default')
    .addOption(new Option('--level <level>', 'try out this level alone').choices(LEVELS))
    .option('--questions <count>', 'inputs that each teacher is asked about, twice', positive, 5)
    .action(runProbe);
}

async function runProbe(path: string, {level, questions, ...flags}: ProbeFlags): Promise<void> {
  const terminal = openTerminal({json: flags.json ?? false});
  const recipe = await loadRecipe(path);
  const options = {...studyOptions(flags, terminal), questions, ...(level && {levels: [level]})};
  const probe = await probeStudy(recipe, options);
  terminal.result(probe, probeText(probe));
  const broken = brokenLevels(probe);
  if (broken.length === 0) return;
  throw new KnowledgeError(
    `The recipe ${recipe.name} can't be worked with as it is. The report names the errors of ${list(broken)}, and what to do.`,
  );
}

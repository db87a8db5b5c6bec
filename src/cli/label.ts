import {Command, Option} from 'commander';
import {askLevel} from '../study/asking.ts';
import {LEVELS, levelsOf} from '../study/methods.ts';
import {openStudy} from '../study/study.ts';
import type {Access} from '../teacher.ts';
import {loadRecipe} from './load-recipe.ts';
import {type StudyFlags, studyOptions, withStudyFlags} from './study-options.ts';
import {openTerminal} from './terminal.ts';

interface LabelFlags extends StudyFlags {
  readonly level?: Access;
}

/** `limbeck label RECIPE`: ask the teachers and save the knowledge; train nothing. */
export function labelCommand(): Command {
  return withStudyFlags(new Command('label'))
    .description('ask a recipe’s teachers about the transfer set and save the knowledge')
    .argument('<recipe>', 'a module that exports a recipe by default')
    .addOption(new Option('--level <level>', 'ask this level alone').choices(LEVELS))
    .action(runLabel);
}

async function runLabel(path: string, flags: LabelFlags): Promise<void> {
  const terminal = openTerminal({json: flags.json ?? false});
  const recipe = await loadRecipe(path);
  const asked = flags.level ? [flags.level] : levelsOf(recipe);
  const study = await openStudy(recipe, asked, studyOptions(flags, terminal));
  try {
    const levels = [];
    for (const access of asked) {
      const {knowledge, ledger, path} = await askLevel(study, access);
      levels.push({level: access, answers: knowledge.inputs.count, detail: knowledge.detail, path, ...ledger});
    }
    const lines = levels.map(
      ({level, answers, bought, cached, path}) =>
        `${level}: ${answers} answers (${bought} bought, ${cached} cached) in ${path}`,
    );
    terminal.result({levels}, lines.join('\n'));
  } finally {
    await study.close();
  }
}

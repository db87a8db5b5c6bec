import {Command, Option} from 'commander';
import {missingError} from '../ask/collect.ts';
import {BudgetError, KnowledgeError} from '../errors.ts';
import {type LabelledLevel, labelLevel} from '../study/asking.ts';
import {LEVELS, levelsOf} from '../study/methods.ts';
import {openStudy} from '../study/study.ts';
import type {Access} from '../teacher.ts';
import {loadRecipe} from './load-recipe.ts';
import {type StudyFlags, studyOptions, withStudyFlags} from './study-options.ts';
import {openTerminal, type Terminal} from './terminal.ts';

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
    const levels: LabelledLevel[] = [];
    for (const access of asked) levels.push(await labelLevel(study, access));
    report(terminal, asked, levels);
  } finally {
    await study.close();
  }
}

function report(terminal: Terminal, asked: readonly Access[], levels: readonly LabelledLevel[]): void {
  const rows = levels.map(({knowledge, ledger, path, missing}, index) => ({
    level: asked[index]!,
    answers: knowledge.inputs.count,
    missing: missing.length,
    detail: knowledge.detail,
    path,
    ...ledger,
  }));
  const lines = rows.map(({level, answers, missing, asked, bought, cached, path}) => {
    // Of a teacher that is made of others it is their answers that are bought and kept.
    const made = asked > answers + missing ? `made of ${asked} of its parts, ` : '';
    return `${level}: ${answers} answers (${made}${bought} bought, ${cached} cached) in ${path}`;
  });
  terminal.result({levels: rows}, lines.join('\n'));
  for (const level of levels) checkMissing(terminal, level);
}

/**
 * A budget that is at its end is a good end. Any other input without an answer is an error, after what was answered is
 * saved.
 *
 * @throws KnowledgeError
 */
function checkMissing(terminal: Terminal, {teacher, missing, knowledge, path}: LabelledLevel): void {
  if (missing.length === 0) return;
  const unpaid = missing.filter(({error}) => error instanceof BudgetError);
  if (unpaid.length > 0) terminal.note(`${unpaid.length} inputs were not asked about. ${unpaid[0]!.error.message}`);
  const others = missing.filter(({error}) => !(error instanceof BudgetError));
  if (others.length === 0) return;
  const {count} = knowledge.inputs;
  throw new KnowledgeError(
    `${missingError(teacher, others, count + missing.length).message}\nThe other answers are saved in ${path}.`,
  );
}

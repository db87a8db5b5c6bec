import {Command} from 'commander';
import {loadRecipe} from '../recipe/load.ts';
import {compare} from '../study/compare.ts';
import {directoryOf} from '../study/study.ts';
import {resultsTable} from '../study/table.ts';
import {trainTeacher} from '../study/train-teacher.ts';
import {resultFiles} from '../study/write-results.ts';
import {engineLine} from './engine.ts';
import {positive} from './numbers.ts';
import {allowMissingOption, type StudyFlags, studyOptions, withStudyFlags} from './study-options.ts';
import {openTerminal} from './terminal.ts';

interface CompareFlags extends StudyFlags {
  readonly retrainTeacher?: boolean;
  readonly workers?: number;
}

/** `limbeck compare RECIPE`: the whole study, from asking to the report. */
export function compareCommand(): Command {
  return withStudyFlags(new Command('compare'))
    .description('ask every level, train every method from every seed, and report what each level is worth')
    .argument('<recipe>', 'a module that exports a recipe by default')
    .option('--workers <count>', 'processes that train at once (default: as cores and memory allow)', positive)
    .option('--retrain-teacher', 'make the recipe’s teacher model again first')
    .addOption(allowMissingOption())
    .action(runCompare);
}

async function runCompare(path: string, flags: CompareFlags): Promise<void> {
  const {json = false, retrainTeacher = false, workers: count} = flags;
  const terminal = openTerminal({json});
  const recipe = await loadRecipe(path);
  const workers = {module: path, ...(count !== undefined && {count})};
  const options = {...studyOptions(flags, terminal), workers};
  terminal.note(await engineLine());
  if (retrainTeacher) await trainTeacher(recipe, options);
  const results = await compare(recipe, options);
  const files = resultFiles(directoryOf(recipe, options));
  const colour = process.stdout.isTTY === true;
  terminal.result(results, `${resultsTable(results, {colour})}\n\nReport: ${files.report}\nNumbers: ${files.results}`);
  if (results.failures.length > 0) process.exitCode = 1;
}

import {loadRecipe} from '../recipe/load.ts';
import {compare, resultFiles} from '../study/compare.ts';
import {directoryOf} from '../study/study.ts';
import {resultsTable} from '../study/table.ts';
import {trainTeacher} from '../study/train-teacher.ts';
import {engineLine} from './engine.ts';
import {type BudgetFlags, recipeChanges, type StudyFlags, studyOptions} from './study-options.ts';
import {openTerminal} from './terminal.ts';

interface CompareFlags extends StudyFlags, BudgetFlags {
  readonly retrainTeacher?: boolean;
  readonly workers?: number;
}

export async function runCompare(path: string, flags: CompareFlags): Promise<void> {
  const {json = false, retrainTeacher = false, workers: count} = flags;
  const terminal = openTerminal({json});
  const loaded = await loadRecipe(path);
  const changes = recipeChanges(loaded, flags);
  const recipe = {...loaded, ...changes};
  const workers = {module: path, count, changes};
  const options = {...studyOptions(flags, terminal), workers};
  terminal.note(await engineLine());
  if (retrainTeacher) await trainTeacher(recipe, options);
  const results = await compare(recipe, options);
  const files = resultFiles(directoryOf(recipe, options));
  const colour = process.stdout.isTTY === true;
  terminal.result(results, `${resultsTable(results, {colour})}\n\nReport: ${files.report}\nNumbers: ${files.results}`);
  if (results.failures.length > 0) process.exitCode = 1;
}

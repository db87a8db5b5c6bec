import {InputError} from '../errors.ts';
import {
  CONDITION_MEASURES,
  type Condition,
  type ConditionMeasure,
  type ConditionScope,
  parseCondition,
} from '../recipe/conditions.ts';
import {type Check, checkResults, checkText} from '../study/check.ts';
import {checkQuestions} from '../study/joint/check.ts';
import {isOfSeveral, readQuestionsResults} from '../study/joint/files.ts';
import {readResults} from '../study/read-results.ts';
import type {Results} from '../study/results.ts';
import {openTerminal} from './terminal.ts';

interface CheckFlags extends ConditionScope, Partial<Readonly<Record<ConditionMeasure, string>>> {
  readonly json?: boolean;
}

/** Checks conditions on the results of a study; the exit code is 1 if one is broken. */
export async function runCheck(path: string, flags: CheckFlags): Promise<void> {
  const checked = await checkedAt(path, flags);
  openTerminal({json: flags.json ?? false}).result(checked, checkText(checked));
  if (!checked.holds) process.exitCode = 1;
}

async function checkedAt(path: string, flags: CheckFlags): Promise<Check> {
  if (await isOfSeveral(path)) {
    const results = await readQuestionsResults(path);
    return checkQuestions(results, conditionsFrom(results, flags));
  }
  const results = await readResults(path);
  return checkResults(results, conditionsFrom(results, flags));
}

/** The conditions of the flags, or else those of the recipe. Flags of scope hold for either. */
function conditionsFrom({conditions = []}: Pick<Results, 'conditions'>, flags: CheckFlags): readonly Condition[] {
  const given = CONDITION_MEASURES.flatMap(measure => {
    const text = flags[measure];
    return text === undefined ? [] : [parseCondition(measure, text)];
  });
  const scope = Object.fromEntries(
    (['method', 'level', 'budget', 'question', 'class', 'confident'] as const).flatMap(key =>
      flags[key] === undefined ? [] : [[key, flags[key]]],
    ),
  );
  const wanted = given.length > 0 ? given : conditions;
  if (wanted.length > 0) return wanted.map(condition => ({...condition, ...scope}));
  throw new InputError(
    "There is nothing to check. Give a condition, such as `--agreement '>= 97%'`, or conditions in the recipe's `check`.",
  );
}

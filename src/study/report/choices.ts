import type {Results, StudentChoice} from '../results.ts';
import {counted, percentage} from './format.ts';
import {rowsOf} from './spread.ts';

/** Which students the runs chose, and by what: a sentence a method; none where the recipe names one student. */
export function choiceSentences(results: Results): readonly string[] {
  return results.methods.flatMap(method => {
    const choices = rowsOf(results, method).flatMap(({choice}) => choice ?? []);
    return choices.length === 0 ? [] : [choiceSentence(method.method, choices)];
  });
}

/** The same of one method, from the choices of its runs. */
export function choiceSentence(method: string, choices: readonly StudentChoice[]): string {
  const tried = choices[0]!.candidates.map(({name, parameters}, place) => {
    const times = choices.filter(({chosen}) => chosen === place).length;
    const agreement = choices.reduce((sum, {candidates}) => sum + candidates[place]!.agreement, 0) / choices.length;
    return `${name} (${counted(parameters, 'parameter')}) ${percentage(agreement)}, chosen by ${times} of ${counted(choices.length, 'run')}`;
  });
  return `${method} chose its student by agreement in cross-validation: ${tried.join('; ')}.`;
}

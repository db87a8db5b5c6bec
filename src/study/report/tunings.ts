import type {Results, Tuning} from '../results.ts';
import {counted, percentage} from './format.ts';

/** What was chosen for the methods that were tuned, a sentence each. */
export function tuningSentences({methods}: Results): readonly string[] {
  return methods.flatMap(({method, tuning}) => (tuning ? [tuningSentence(method, tuning)] : []));
}

/** `Log-probabilities: T = 1, λ = 0.3, of 15 tried on validation: accuracy 84.10 % there.` */
export function tuningSentence(method: string, {judgedBy, terms, chosen, settings, trials}: Tuning): string {
  const {temperature, weights} = settings[chosen]!;
  const [, ...others] = terms;
  const values = [
    ...(temperature === undefined ? [] : [`T = ${temperature}`]),
    ...others.map((name, place) => `λ${others.length === 1 ? '' : ` of ${name}`} = ${weights[place + 1]!}`),
  ];
  const [measure, by] =
    judgedBy === 'validation accuracy' ? ['accuracy', 'on validation'] : ['agreement', 'in cross-validation'];
  const score = trials.findLast(({setting}) => setting === chosen)?.score ?? Number.NaN;
  const failed = new Set(trials.filter(trial => trial.score === null).map(({setting}) => setting)).size;
  const lost = failed === 0 ? '' : `; ${counted(failed, 'setting')} came to nothing`;
  return `${method} is tuned: ${values.join(', ')}, of ${settings.length} tried ${by}, ${measure} ${percentage(score)}${lost}.`;
}

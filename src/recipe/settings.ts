import {InputError} from '../errors.ts';
import type {LossTerm} from '../losses/loss.ts';
import type {Method} from './recipe.ts';

/** One way to set the losses of a method. */
export interface Setting {
  /** T of the terms that have one; absent if each keeps its own. */
  readonly temperature?: number;
  /** λ of each term. */
  readonly weights: readonly number[];
}

const TEMPERATURES = [1, 2, 4, 8, 20];
const FACTORS = [0.3, 1, 3];

/**
 * The settings that are tried to tune a method, temperatures before weights, each from the lowest.
 *
 * @throws InputError if `tune` names something that the method lacks, or leaves a single setting
 */
export function settingsOf({method, losses, tune = true}: Pick<Method, 'method' | 'losses' | 'tune'>): Setting[] {
  const {temperatures, weights} = tune === true ? {} : tune;
  const own = losses.flatMap(({atTemperature, temperature = 1}) => (atTemperature ? [temperature] : []));
  if (temperatures && own.length === 0) {
    throw refusal(method, losses, 'not one has a temperature to choose. Leave `temperatures` out of `tune`');
  }
  if (weights && losses.length === 1) {
    throw refusal(method, losses, 'the weight of one alone weighs against nothing. Leave `weights` out of `tune`');
  }
  const tried = temperatures ?? (own.length === 0 ? [undefined] : [...TEMPERATURES, ...own]);
  const factors = losses.length === 1 ? [1] : (weights ?? FACTORS);
  const settings = sorted(tried).flatMap(temperature =>
    sorted(factors).map((factor): Setting => {
      const weighted = losses.map(({weight}, index) => (index === 0 ? weight : times(weight, factor)));
      return {...(temperature !== undefined && {temperature}), weights: weighted};
    }),
  );
  if (settings.length > 1) return settings;
  const problem =
    own.length === 0 && losses.length === 1
      ? 'it has no temperature to choose, and its weight weighs against nothing. Leave `tune` out'
      : 'one setting alone is no choice. Give `tune` more values';
  throw refusal(method, losses, problem);
}

function sorted<T extends number | undefined>(values: readonly T[]): T[] {
  return [...new Set(values)].sort((one, other) => (one ?? 0) - (other ?? 0));
}

/** Without the last digits, which 3 times 0.1 has too many of. */
function times(weight: number, factor: number): number {
  return Number((weight * factor).toPrecision(12));
}

function refusal(method: string, losses: readonly LossTerm[], problem: string): InputError {
  const names = losses.map(({name}) => name).join(' + ');
  return new InputError(`Method \`${method}\` has nothing of that kind to tune in ${names}: ${problem}.`);
}

/** The method with its losses set in one way. */
export function methodAt<M extends Pick<Method, 'losses'>>(method: M, {temperature, weights}: Setting): M {
  const losses = method.losses.map((term, index) => {
    const softened = temperature === undefined ? term : (term.atTemperature?.(temperature) ?? term);
    // Bound, since a term of the user's own may be of a class.
    return {...softened, weight: weights[index]!, prepare: softened.prepare.bind(softened)};
  });
  return {...method, losses};
}

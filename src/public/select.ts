/**
 * Strategies that choose which inputs to ask about. Import it as a namespace: `select.margin()`.
 *
 * @module
 */

export {balanced} from '../select/balanced.ts';
export {
  type CurvePoint,
  type ExpectedGain,
  errorAt,
  expectedGain,
  fitCurve,
  type GainOptions,
  type LearningCurve,
  type MeasuredRound,
} from '../select/curve.ts';
export {type DisagreementOptions, disagreement} from '../select/disagreement.ts';
export {entropy} from '../select/entropy.ts';
export {kCenter} from '../select/k-center.ts';
export {margin} from '../select/margin.ts';
export {type MedoidsOptions, medoids} from '../select/medoids.ts';
export type {Selection, SelectOptions} from '../select/options.ts';
export {random} from '../select/random.ts';
export type {ShareInterval, StopReason, StopRules} from '../select/round.ts';
export {describeRound, type SelectionRound} from '../select/round.ts';
export {selectInRounds} from '../select/select-in-rounds.ts';
export type {Candidates, Embeddings, Needs, Strategy} from '../select/strategy.ts';

import {InputError} from '../errors.ts';
import {checkOptions, kinds, type Shape} from '../options.ts';

/**
 * The factor on the learning rate at a step, from 0 to 1. `step` counts from 0, `steps` is the length of the run. It is
 * called for all steps before the first one.
 */
export type Schedule = (step: number, steps: number) => number;

/**
 * The learning rate at each step of a run.
 *
 * @returns [steps]
 */
export function ratesOf(
  schedule: Schedule,
  steps: number,
  {learningRate}: {readonly learningRate: number},
): Float64Array {
  return Float64Array.from({length: steps}, (_, step) => learningRate * schedule(step, steps));
}

export interface WarmUp {
  /**
   * Share of the run in which the rate grows linearly to its full value, from 0 to 1.
   *
   * @default 0
   */
  readonly warmUp?: number;
}

const WARM_UP_KINDS = {warmUp: kinds.number} satisfies Shape<WarmUp>;
const COSINE_KINDS = {...WARM_UP_KINDS, final: kinds.number} satisfies Shape<CosineDecayOptions>;
const STEP_KINDS = {...WARM_UP_KINDS, at: kinds.numbers, factor: kinds.number} satisfies Shape<StepDecayOptions>;

/** A constant rate from the end of the warm-up to the end of the run. */
export function constantRate(options: WarmUp = {}): Schedule {
  checkOptions('constantRate', options, WARM_UP_KINDS);
  const {warmUp = 0} = options;
  return withWarmUp(warmUp, () => 1);
}

export interface CosineDecayOptions extends WarmUp {
  /**
   * The factor at the end of the run.
   *
   * @default 0
   */
  readonly final?: number;
}

/** Half a cosine from 1 down to `final`. Loshchilov and Hutter (2017), SGDR, equation 5, without restarts. */
export function cosineDecay(options: CosineDecayOptions = {}): Schedule {
  checkOptions('cosineDecay', options, COSINE_KINDS);
  const {warmUp = 0, final = 0} = options;
  checkFraction('final', final);
  return withWarmUp(warmUp, progress => final + (1 - final) * 0.5 * (1 + Math.cos(Math.PI * progress)));
}

export interface StepDecayOptions extends WarmUp {
  /** Shares of the run at which the rate drops, for example [0.5, 0.75]. */
  readonly at: readonly number[];
  /**
   * Factor on the rate at each drop.
   *
   * @default 0.1
   */
  readonly factor?: number;
}

/** A rate that drops by a factor at given shares of the run. */
export function stepDecay(options: StepDecayOptions): Schedule {
  checkOptions('stepDecay', options, STEP_KINDS, ['at']);
  const {at, factor = 0.1, warmUp = 0} = options;
  for (const share of at) checkFraction('at', share);
  checkFraction('factor', factor);
  return (step, steps) => {
    const drops = at.filter(share => step >= share * steps).length;
    return warmUpFactor(step, steps, warmUp) * factor ** drops;
  };
}

function withWarmUp(warmUp: number, after: (progress: number) => number): Schedule {
  checkFraction('warmUp', warmUp);
  return (step, steps) => {
    const warmSteps = Math.floor(warmUp * steps);
    if (step < warmSteps) return warmUpFactor(step, steps, warmUp);
    return after((step - warmSteps) / Math.max(1, steps - warmSteps));
  };
}

/** The first step already has a rate above zero, because a rate of zero would waste it. */
function warmUpFactor(step: number, steps: number, warmUp: number): number {
  const warmSteps = Math.floor(warmUp * steps);
  return step < warmSteps ? (step + 1) / (warmSteps + 1) : 1;
}

function checkFraction(name: string, value: number): void {
  if (!(value >= 0 && value <= 1)) throw new InputError(`Expected \`${name}\` to be from 0 to 1, got ${value}.`);
}

import {InputError} from '../errors.ts';
import {checkOptions, kinds, type Shape} from '../options.ts';
import {type RandomGenerator, randomBeta, randomInteger, seededRandom} from './random.ts';
import type {Pixels, View} from './view.ts';

export interface MixUpOptions {
  /**
   * The input's share is drawn from Beta(alpha, alpha): 1 draws all shares alike, less keeps most mixtures near one of
   * the two.
   *
   * @default 1
   */
  readonly alpha?: number;
  /**
   * Least share of either input, below 0.5. A mixture with a smaller share is hardly a new query. Black-box few-shot
   * distillation uses 0.05 (Nguyen et al. 2022).
   *
   * @default 0
   */
  readonly least?: number;
}

export interface CutMixOptions {
  /**
   * The share of the image that stays is drawn from Beta(alpha, alpha), before the box is clipped at the edges.
   *
   * @default 1
   */
  readonly alpha?: number;
}

const MIX_UP_KINDS = {alpha: kinds.number, least: kinds.number} satisfies Shape<MixUpOptions>;
const CUT_MIX_KINDS = {alpha: kinds.number} satisfies Shape<CutMixOptions>;

/** Shares are multiples of 1 / GRAIN, so that all machines compute the same bytes. */
const GRAIN = 1024;

/**
 * Blends an input with its partner: share · input + (1 − share) · partner, rounded if values are whole numbers.
 * The teacher is asked about the mixture, so no labels are mixed.
 *
 * Mix-up (Zhang et al. 2018, "mixup: Beyond Empirical Risk Minimization").
 *
 * @throws InputError if an option is out of its range
 */
export function mixUp(options: MixUpOptions = {}): View {
  checkOptions('mixUp', options, MIX_UP_KINDS);
  const {alpha = 1, least = 0} = options;
  checkAlpha('mixUp', alpha);
  if (!(least >= 0 && least < 0.5)) {
    throw new InputError(`Expected \`least\` of mixUp to be from 0 to below 0.5, got ${least}.`);
  }
  return {
    name: `mix-up ${alpha}${least > 0 ? `, at least ${least}` : ''}`,
    takesPartner: true,
    isElementwise: true,
    render({data}, target, seed, partner) {
      const other = given(partner, 'mixUp').data;
      const share = randomShare(seededRandom(seed, 'mix-up'), alpha, least);
      const isWhole = !(target.data instanceof Float32Array);
      for (let index = 0; index < data.length; index++) {
        const mixed = (share * data[index]! + (GRAIN - share) * other[index]!) / GRAIN;
        target.data[index] = isWhole ? Math.round(mixed) : mixed;
      }
    },
  };
}

/**
 * Puts a box of the partner into the image. The box has the proportions of the image and its centre anywhere, and is
 * clipped at the edges. The teacher is asked about the result, so no labels are mixed.
 *
 * Cut-mix (Yun et al. 2019, "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features",
 * section 3.1).
 *
 * @throws InputError if `alpha` is out of its range
 */
export function cutMix(options: CutMixOptions = {}): View {
  checkOptions('cutMix', options, CUT_MIX_KINDS);
  const {alpha = 1} = options;
  checkAlpha('cutMix', alpha);
  return {
    name: `cut-mix ${alpha}`,
    takesPartner: true,
    render({shape: [height, width, channels], data}, target, seed, partner) {
      const other = given(partner, 'cutMix').data;
      const random = seededRandom(seed, 'cut-mix');
      const side = Math.sqrt((GRAIN - randomShare(random, alpha)) / GRAIN);
      const [top, bottom] = randomSpan(random, height, side);
      const [left, right] = randomSpan(random, width, side);
      target.data.set(data);
      for (let row = top; row < bottom; row++) {
        const [from, to] = [(row * width + left) * channels, (row * width + right) * channels];
        target.data.set(other.subarray(from, to), from);
      }
    },
  };
}

function randomShare(random: RandomGenerator, alpha: number, least = 0): number {
  let share = randomBeta(random, alpha);
  while (Math.min(share, 1 - share) < least) share = randomBeta(random, alpha);
  return Math.round(GRAIN * share);
}

/** A random span of an edge: `side` times its `length`, centred on any of its positions, clipped at its ends. */
function randomSpan(random: RandomGenerator, length: number, side: number): readonly [start: number, end: number] {
  const middle = randomInteger(random, 0, length - 1);
  const half = Math.floor(Math.floor(length * side) / 2);
  return [Math.max(0, middle - half), Math.min(length, middle + half)];
}

function given(partner: Pixels | undefined, view: string): Pixels {
  if (partner !== undefined) return partner;
  throw new InputError(`View ${view} mixes an image with a partner, but there is none. Give it at least two inputs.`);
}

function checkAlpha(view: string, alpha: number): void {
  if (alpha >= 0.01 && Number.isFinite(alpha)) return;
  throw new InputError(`Expected \`alpha\` of ${view} to be a number from 0.01 on, got ${alpha}.`);
}

import {type RandomGenerator, randomInteger, randomNormals, shuffledIndices} from '../../../src/data/random.ts';
import type {SeedScores} from '../../../src/evaluate/compare-scores.ts';
import {mean} from '../../../src/evaluate/statistics.ts';
import {IMAGES, readStudents, SEEDS, type Students} from './students.ts';

/** A drawn study with known true differences between the methods. */
export interface DrawnStudy {
  /** The baseline first. */
  readonly methods: readonly SeedScores[];
  /** True gains of the other methods over the baseline. */
  readonly truths: readonly number[];
}

/** A world that studies are drawn from. */
export interface World {
  readonly name: string;
  /** True if the methods of a study share their seeds. */
  readonly paired: boolean;
  readonly draw: (seeds: number, random: RandomGenerator) => DrawnStudy;
}

/** Items of a synthetic world. */
const ITEMS = 200;

/** Gain of log-probabilities over labels in the demo. */
export const DEMO_EFFECT = 0.007;
/** The standard error of that difference with five seeds, by the variances of the demo. */
const DEMO_ERROR = 0.00185;

/** Seeds from `first` on, one for each row. */
const labelled = (scores: SeedScores['scores'], first: number): SeedScores => ({
  seeds: scores.map((_, index) => first + index),
  scores,
});

/** Students like the demo's: possible studies of its methods, and studies of four equal methods. */
export function demoWorlds(): readonly World[] {
  const methods = readStudents();
  const ofThree = methods[0].map(rightOnThree);
  return [
    {name: 'demo: three methods, seeds shared', paired: true, draw: (seeds, random) => redrawn(methods, seeds, random)},
    {
      name: 'demo: one method four times',
      paired: true,
      draw: (seeds, random) => disjoint(methods[0], seeds, random, 0),
    },
    {
      name: 'demo: one method four times, seeds not shared',
      paired: false,
      draw: (seeds, random) => disjoint(methods[0], seeds, random, seeds),
    },
    {
      name: 'demo: right about three images at once, one method four times',
      paired: true,
      draw: (seeds, random) => disjoint(ofThree, seeds, random, 0),
    },
  ];
}

/** Draws seeds and images with replacement, so that the result of all 60 seeds and 10,000 images is the truth. */
function redrawn(methods: readonly Students[], seeds: number, random: RandomGenerator): DrawnStudy {
  const chosen = Array.from({length: seeds}, () => randomInteger(random, 0, SEEDS - 1));
  const images = new Int32Array(IMAGES).map(() => randomInteger(random, 0, IMAGES - 1));
  const drawn = methods.map(students => chosen.map(seed => picked(students[seed]!, images)));
  const [base, ...others] = methods.map(students => mean(students.map(mean)));
  return {methods: drawn.map(scores => labelled(scores, 1)), truths: others.map(other => other - base!)};
}

function picked(scores: Uint8Array, images: Int32Array): Uint8Array {
  return new Uint8Array(images.length).map((_, index) => scores[images[index]!]!);
}

/** [a third of the images], 1 if a student is right about all three: agreement on three questions. */
function rightOnThree(student: Uint8Array): Uint8Array {
  const third = Math.floor(student.length / 3);
  return student
    .subarray(0, third)
    .map((first, index) => first & student[third + index]! & student[2 * third + index]!);
}

/** Students of one method, no seed twice: methods that are truly equal. */
function disjoint(students: Students, seeds: number, random: RandomGenerator, step: number): DrawnStudy {
  const order = shuffledIndices(SEEDS, randomInteger(random, 0, 2 ** 31 - 1));
  const methods = [0, 1, 2, 3].map(method => {
    const own = order.subarray(method * seeds, (method + 1) * seeds);
    return labelled(
      Array.from(own, seed => students[seed]!),
      1 + method * step,
    );
  });
  return {methods, truths: [0, 0, 0]};
}

/** Parts of the variance of a difference over five seeds, which add up to 1. */
interface Shares {
  readonly seeds: number;
  readonly items: number;
  /** Effect of a seed on one item. */
  readonly both: number;
}

/** Four truly equal methods with normally distributed scores. Their differences vary as much as the demo's. */
export const syntheticWorlds: readonly World[] = [
  normal('seeds dominate', true, {seeds: 0.9, items: 0.05, both: 0.05}),
  normal('both alike', true, {seeds: 0.4, items: 0.5, both: 0.1}),
  normal('items dominate', true, {seeds: 0.05, items: 0.9, both: 0.05}),
  normal('seeds dominate', false, {seeds: 0.9, items: 0.05, both: 0.05}),
  normal('both alike', false, {seeds: 0.4, items: 0.5, both: 0.1}),
  normal('both alike, the baseline’s seeds vary three times as much', false, {seeds: 0.4, items: 0.5, both: 0.1}, 3),
];

function normal(name: string, paired: boolean, {seeds: a, items: b, both}: Shares, unequal = 1): World {
  const unit = DEMO_ERROR / Math.SQRT2;
  const [ofSeed, ofItem, ofBoth] = [
    unit * Math.sqrt(5 * a),
    unit * Math.sqrt(ITEMS * b),
    unit * Math.sqrt(5 * ITEMS * both),
  ];
  const draw = (seeds: number, random: RandomGenerator): DrawnStudy => {
    // Shared effects cancel in the differences.
    const [sharedSeeds, sharedItems] = [randomNormals(random, seeds), randomNormals(random, ITEMS)];
    const methods = [0, 1, 2, 3].map(method => {
      const [own, items] = [randomNormals(random, seeds), randomNormals(random, ITEMS)];
      const scale = method === 0 ? ofSeed * unequal : ofSeed;
      const rows = Array.from(own, (effect, seed) => {
        const level = scale * effect + (paired ? 3 * ofSeed * sharedSeeds[seed]! : 0);
        return randomNormals(random, ITEMS).map(
          (noise, item) => level + ofItem * items[item]! + 3 * ofItem * sharedItems[item]! + ofBoth * noise,
        );
      });
      return labelled(rows, paired ? 1 : 1 + method * seeds);
    });
    return {methods, truths: [0, 0, 0]};
  };
  return {name: `normal: ${name}${paired ? '' : ', seeds not shared'}`, paired, draw};
}

/** How often the intervals of a student's vectors hold the means that they are about. */
import {type RandomGenerator, randomFraction, randomNormal, seededRandom} from '../../../src/data/random.ts';
import {intervalOverSeeds} from '../../../src/evaluate/input-intervals.ts';
import {mean, standardDeviation} from '../../../src/evaluate/statistics.ts';
import {COSINES, RECALLS, vectorMeasurer} from '../../../src/evaluate/vectors.ts';
import {criticalT} from '../../../src/statistics/distributions.ts';

/** Random vectors of a teacher, and those of its students. */
export interface VectorWorld {
  readonly dimensions: number;
  /** The deviation of a student's number from the teacher's, whose own deviation is 1. */
  readonly noise: number;
  /** The share of inputs about which a student knows nothing. */
  readonly unknown: number;
  /** The deviation of the logarithm of `noise` between seeds. */
  readonly seedEffect: number;
}

/** Skewed cosines near 1, those of few dimensions, and those of a student that fails on few inputs. */
const WORLDS: readonly Omit<VectorWorld, 'seedEffect'>[] = [
  {dimensions: 2, noise: 0.1, unknown: 0},
  {dimensions: 2, noise: 1, unknown: 0},
  {dimensions: 3, noise: 0.3, unknown: 0},
  {dimensions: 8, noise: 0.5, unknown: 0},
  {dimensions: 16, noise: 0.05, unknown: 0.03},
  {dimensions: 64, noise: 0.3, unknown: 0},
];
const COUNTS: readonly number[] = [5, 10, 20, 50, 200];
/** Draws of each world. */
const DRAWS = 400;
const NEIGHBOURS = 10;

/** How often an interval holds, and how often an earlier one does. */
export interface Held {
  /** Shares of the draws. */
  readonly held: number;
  readonly before: number;
  /** Mean width. */
  readonly width: number;
}

export interface VectorFigures extends VectorWorld {
  readonly inputs: number;
  readonly seeds: number;
  readonly draws: number;
  readonly cosine: Held;
  /** Undefined if there are too few inputs for an interval. */
  readonly recall: Held | undefined;
}

interface Drawn {
  readonly mean: number;
  readonly interval: readonly [number, number];
  /** By Student's t of the values, or of the jackknife. */
  readonly before: readonly [number, number];
}

/**
 * Each world with each number of inputs: of one student, whose interval is over inputs alone; then of three seeds with 50
 * inputs.
 */
export function measureVectors(draws = DRAWS): readonly VectorFigures[] {
  return WORLDS.flatMap(world => [
    ...COUNTS.map(inputs => measured({...world, seedEffect: 0}, {inputs, seeds: 1, draws})),
    measured({...world, seedEffect: 0.1}, {inputs: 50, seeds: 3, draws}),
  ]);
}

interface Size {
  readonly inputs: number;
  readonly seeds: number;
  readonly draws: number;
}

function measured(world: VectorWorld, {inputs, seeds, draws}: Size): VectorFigures {
  const random = seededRandom(inputs + seeds, `vectors ${JSON.stringify(world)}`);
  const [cosines, recalls]: [Drawn[], Drawn[]] = [[], []];
  for (let draw = 0; draw < draws; draw++) {
    const {cosine, recall} = drawnOnce(world, {inputs, seeds}, random);
    cosines.push(cosine);
    if (recall !== undefined) recalls.push(recall);
  }
  const cosine = heldBy(cosines, expectedCosine(world, random));
  // The expected recall depends on the number of inputs, and is known from the draws alone.
  const recall = recalls.length === 0 ? undefined : heldBy(recalls, mean(recalls.map(drawn => drawn.mean)));
  return {...world, inputs, seeds, draws, cosine, recall};
}

function heldBy(drawn: readonly Drawn[], expected: number): Held {
  const share = (key: 'interval' | 'before') =>
    mean(drawn.map(({[key]: [low, high]}) => (low <= expected && expected <= high ? 1 : 0)));
  return {
    held: share('interval'),
    before: share('before'),
    width: mean(drawn.map(({interval: [low, high]}) => high - low)),
  };
}

function drawnOnce(world: VectorWorld, {inputs, seeds}: Omit<Size, 'draws'>, random: RandomGenerator) {
  const teacher = normals(inputs * world.dimensions, random);
  const neighbours = Math.min(NEIGHBOURS, inputs - 1);
  const measure = vectorMeasurer({count: inputs, teacher, neighbours});
  const unknown = Array.from({length: inputs}, () => randomFraction(random) < world.unknown);
  const students = Array.from({length: seeds}, () => measure(studentOf(teacher, world, unknown, random)).scores);
  const names = students.map((_, seed) => seed);
  const cosineScores = students.map(({cosines}) => cosines!);
  const recallScores = students.map(({recalls}) => recalls);
  const influences = students.flatMap(({recallInfluences}) => recallInfluences ?? []);
  return {
    cosine: {
      mean: mean(cosineScores.map(mean)),
      interval: intervalOverSeeds({seeds: names, scores: cosineScores, range: COSINES}),
      before: byStudent(cosineScores),
    },
    recall:
      influences.length < seeds
        ? undefined
        : {
            mean: mean(recallScores.map(mean)),
            interval: intervalOverSeeds({seeds: names, scores: recallScores, influences, range: RECALLS}),
            before: byStudent(influences),
          },
  };
}

/** Students of other seeds fail on the same inputs, as they learn from the same answers, and differ in their noise. */
function studentOf(
  teacher: Float32Array,
  {dimensions, noise, seedEffect}: VectorWorld,
  unknown: readonly boolean[],
  random: RandomGenerator,
): Float32Array {
  const deviation = noise * Math.exp(seedEffect * randomNormal(random));
  return teacher.map((value, index) =>
    unknown[Math.floor(index / dimensions)] ? randomNormal(random) : value + deviation * randomNormal(random),
  );
}

/** Student's t over inputs, of the means over seeds. */
function byStudent(rows: readonly Float64Array[]): readonly [number, number] {
  const values = rows[0]!.map((_, input) => mean(rows.map(row => row[input]!)));
  const far = (criticalT(0.05, values.length - 1) * standardDeviation(values)) / Math.sqrt(values.length);
  return [mean(values) - far, mean(values) + far];
}

const TRUTH = 200_000;

function expectedCosine(world: VectorWorld, random: RandomGenerator): number {
  const {dimensions, unknown} = world;
  let sum = 0;
  for (let input = 0; input < TRUTH; input++) {
    const teacher = normals(dimensions, random);
    const student = studentOf(teacher, world, [randomFraction(random) < unknown], random);
    const [own, others, both] = [student, teacher, teacher].map((one, at) =>
      one.reduce((total, value, index) => total + value * (at === 1 ? value : student[index]!), 0),
    ) as [number, number, number];
    sum += both / Math.sqrt(own * others);
  }
  return sum / TRUTH;
}

function normals(count: number, random: RandomGenerator): Float32Array {
  return Float32Array.from({length: count}, () => randomNormal(random));
}

export function vectorText(figures: readonly VectorFigures[]): string {
  const percent = (share: number) => (100 * share).toFixed(1);
  const cells = (held: Held | undefined) =>
    held === undefined ? ['', '', ''] : [percent(held.held), held.width.toFixed(3), percent(held.before)];
  const head = ['dimensions', 'noise', 'unknown', 'inputs', 'seeds', 'cosine held, %', 'width', 'by t, %'];
  const rows = figures.map(({dimensions, noise, unknown, inputs, seeds, cosine, recall}) => [
    ...[dimensions, noise, unknown, inputs, seeds],
    ...cells(cosine),
    ...cells(recall),
  ]);
  const all = [[...head, 'recall held, %', 'width', 'by t, %'], Array.from({length: 11}, () => '---'), ...rows];
  return all.map(row => `| ${row.join(' | ')} |`).join('\n');
}

import {randomFraction, seededRandom} from '../../src/data/random.ts';
import {type ConfusionCounts, classMetrics, confusedPairs} from '../../src/evaluate/by-class.ts';
import type {Coverage} from '../../src/evaluate/calibration.ts';
import type {TargetSummary} from '../../src/evaluate/effects.ts';
import type {ReliabilityBin} from '../../src/evaluate/reliability.ts';
import {pearson} from '../../src/evaluate/statistics.ts';
import type {Level} from '../../src/levels.ts';
import type {CurvePoint} from '../../src/study/methods.ts';
import type {Comparison, LedgerTotals, MethodResult, ResultRow, Results} from '../../src/study/results.ts';

export interface SampleOptions {
  /** @default the ten digits */
  readonly classes?: readonly string[];
  /** @default the usual five */
  readonly methods?: readonly SampleMethod[];
  /** @default [1, 2, 3] */
  readonly seeds?: readonly number[];
}

/** What a sampled method is like; the numbers are those of MNIST with a student of 64 hidden units. */
export interface SampleMethod {
  readonly level: Level;
  readonly method: string;
  readonly description: string;
  readonly accuracy: number;
  readonly agreement: number;
  readonly klToTeacher: number;
  readonly ece: number;
  /** Mean entropy of its targets as a share of ln(classes); 0 is hard labels. */
  readonly targetEntropy: number;
  /** How near its class relation comes to the teacher's, from 0 to 1. */
  readonly relation: number;
  /** Of its training loss, which is not the same formula for every method. */
  readonly lossScale: number;
}

/** The same results, with students of these methods that longer training would make better. */
export function withUnderfitted(results: Results, methods: readonly string[]): Results {
  const rows = results.rows.map(row => {
    const underfitted = methods.includes(row.method);
    return {...row, fit: {trainingAgreement: underfitted ? 0.892 : 1, fall: 0.4, pace: 0.3, underfitted}};
  });
  return {...results, rows};
}

/** The usual study: five methods over the three levels of access. */
export const usualMethods: readonly SampleMethod[] = [
  {
    level: 'none',
    method: 'true labels',
    description: 'The true labels of the transfer set; the teacher is not asked.',
    ...{accuracy: 0.9138, agreement: 0.9172, klToTeacher: 0.269, ece: 0.024},
    ...{targetEntropy: 0, relation: 0.72, lossScale: 0.3},
  },
  {
    level: 'black-box',
    method: 'labels',
    description: 'The label that the teacher gives each input.',
    ...{accuracy: 0.9144, agreement: 0.9181, klToTeacher: 0.272, ece: 0.0243},
    ...{targetEntropy: 0, relation: 0.73, lossScale: 0.3},
  },
  {
    level: 'gray-box',
    method: 'top-3 with rest',
    description: 'The three most probable classes and the mass that they leave, spread over the others.',
    ...{accuracy: 0.9188, agreement: 0.9231, klToTeacher: 0.229, ece: 0.0129},
    ...{targetEntropy: 0.035, relation: 0.86, lossScale: 0.33},
  },
  {
    level: 'gray-box',
    method: 'log-probabilities, T=4',
    description: 'The log-probabilities of all classes, softened at temperature 4.',
    ...{accuracy: 0.9281, agreement: 0.9324, klToTeacher: 0.181, ece: 0.0188},
    ...{targetEntropy: 0.41, relation: 0.975, lossScale: 1.1},
  },
  {
    level: 'white-box',
    method: 'logits + feature hint',
    description: 'The logits at temperature 4 and the activations of the penultimate layer.',
    ...{accuracy: 0.9333, agreement: 0.9379, klToTeacher: 0.167, ece: 0.0191},
    ...{targetEntropy: 0.41, relation: 0.981, lossScale: 2.4},
  },
];

const digits = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];

/** Pairs of digits that a network mixes up, and how much. */
const alike: readonly (readonly [number, number, number])[] = [
  [4, 9, 0.075],
  [7, 9, 0.055],
  [3, 5, 0.06],
  [3, 8, 0.05],
  [5, 8, 0.042],
  [2, 7, 0.04],
  [2, 3, 0.038],
  [5, 6, 0.036],
  [0, 6, 0.03],
  [1, 7, 0.034],
  [8, 9, 0.03],
];

/** Results as a real study gives them, the same for the same options. */
export function sampleResults({
  classes = digits,
  methods = usualMethods,
  seeds = [1, 2, 3],
}: SampleOptions = {}): Results {
  const teacherRelation = relation(classes.length, 1, 0);
  const baseline = methods.find(({level}) => level === 'black-box') ?? methods[0]!;
  return {
    schema: 'limbeck.results/1',
    name: 'mnist-levels',
    finishedAt: '2025-11-12T14:03:27.120Z',
    seconds: 252.4,
    engine: {name: 'tensorflow native', version: '2.15.1', threads: 2},
    versions: {limbeck: '0.1.0', node: '20.20.2'},
    classes,
    truth: 'labels',
    sizes: {train: 60_000, validation: 2_000, test: 10_000, transfer: 2_000},
    teacher: {name: 'mnist-mlp 784-512-512-10', accuracy: 0.9858, nll: 0.0492, ece: 0.0031},
    ledger: ledger(methods),
    failures: [],
    students: [{name: 'mlp', parameters: 50_890, layers: ['dense 64, relu', 'dense 10']}],
    seeds,
    rows: methods.flatMap((method, index) => seeds.map(seed => row(method, seed, index, seeds.length))),
    methods: methods.map((method, index) => methodResult(method, index, classes.length, baseline, teacherRelation)),
    teacherTargets: targets(classes.length, 0.028, 1),
    teacherRelation,
    teacherReliability: reliability(0.9858, 0.003, 9),
    teacherEfficiency: [
      {level: 'black-box', teacher: 'the hosted model', ...latency(412, 1_390, 33, 60.6), usdPerThousand: 0.0132},
      {
        level: 'white-box',
        teacher: 'mnist-mlp 784-512-512-10',
        ...latency(0.71, 1.94),
        answersPerSecond: 18_240,
        usdPerThousand: 0,
      },
    ],
  };
}

function latency(p50: number, p99: number, requests = 380, inputsEach = 1) {
  return {latency: {p50, p99, requests, inputsEach}};
}

function row(method: SampleMethod, seed: number, index: number, seeds: number): ResultRow {
  const random = noise(seed * 31 + index, 'row');
  const off = seeds === 1 ? 0 : 0.005;
  const accuracy = rounded(method.accuracy + off * random());
  const own = noise(seed * 31 + index, 'further');
  return {
    level: method.level,
    method: method.method,
    seed,
    budget: 2_000,
    accuracy,
    balancedAccuracy: rounded(accuracy - 0.004 + 0.001 * own()),
    macroF1: rounded(accuracy - 0.003 + 0.001 * own()),
    adaptiveEce: method.ece + 0.002 + 0.0005 * own(),
    agreementWhereTeacherErrs: rounded(0.21 + 0.02 * own()),
    agreement: rounded(method.agreement + off * random()),
    klToTeacher: method.klToTeacher + 0.005 * random(),
    nll: method.klToTeacher * 1.06 + 0.004 * random(),
    ece: method.ece + 0.0012 * random(),
    brier: (1 - accuracy) * 1.52 + 0.001 * random(),
    entropy: 0.21 + 0.3 * method.targetEntropy + 0.004 * random(),
    seconds: 14.2 + index * 0.9 + random(),
    curve: curve(method, accuracy, random),
  };
}

function curve(method: SampleMethod, end: number, random: () => number): readonly CurvePoint[] {
  return Array.from({length: 64}, (_, index) => {
    const done = (index + 1) / 64;
    return {
      epoch: index + 1,
      step: (index + 1) * 32,
      loss: method.lossScale * (0.06 + 1.9 * Math.exp(-7 * done ** 0.6)) * (1 + 0.03 * random()),
      validationAccuracy: rounded(end - 0.42 * Math.exp(-9 * done ** 0.62) + 0.0022 * random() * (1.1 - done)),
    };
  });
}

function methodResult(
  method: SampleMethod,
  index: number,
  classes: number,
  baseline: SampleMethod,
  teacherRelation: readonly (readonly number[])[],
): MethodResult {
  const own = relation(classes, method.relation, index + 1);
  return {
    level: method.level,
    method: method.method,
    description: method.description,
    targets: targets(classes, method.targetEntropy, method.targetEntropy > 0.1 ? 4 : 1),
    reliability: reliability(method.accuracy, method.ece, index),
    relation: own,
    relationCorrelation: pearson(offDiagonal(teacherRelation), offDiagonal(own)),
    intraClassVariance: 0.062 - 0.02 * method.targetEntropy - 0.001 * index,
    ...answers(method, own, index),
    efficiency: {bytes: 204_812, parameters: 50_890, ...latency(0.2138, 0.611), answersPerSecond: 41_300},
    versusLabels: method === baseline ? undefined : comparison(method, baseline),
  };
}

function comparison(method: SampleMethod, baseline: SampleMethod): Comparison {
  const difference = method.agreement - baseline.agreement;
  const interval = [difference - 0.0036, difference + 0.0036] as const;
  const isOpen = interval[0] <= 0 && interval[1] >= 0;
  const verdict: Comparison['verdict'] = isOpen ? 'no difference shown' : difference > 0 ? 'better' : 'worse';
  const judged = {interval, confidence: isOpen ? 0.95 : 0.9875, p: isOpen ? 0.61 : 0.012, detectable: 0.0041, verdict};
  return {baseline: baseline.method, difference, between: 'methods', paired: true, seeds: [3, 3], ...judged};
}

/** Answers about 980 test inputs of each class, which mix up what is alike. */
function answers(
  {accuracy, agreement}: SampleMethod,
  relation: readonly (readonly number[])[],
  index: number,
): Pick<MethodResult, 'confusion' | 'classes' | 'coverage'> {
  const [inputs, classes] = [980, relation.length];
  const counts: ConfusionCounts = relation.map((row, label) => {
    const wrong = row.reduce((sum, mass, other) => sum + (other === label ? 0 : mass ** 2), 0);
    const given = row.map((mass, other) =>
      other === label ? 0 : Math.round((3 * inputs * (1 - accuracy) * mass ** 2) / wrong),
    );
    return given.with(label, 3 * inputs - given.reduce((sum, count) => sum + count, 0));
  });
  const confusion = classes > 50 ? {largest: confusedPairs(counts).slice(0, 200)} : {counts};
  const metrics = classMetrics(counts).map(metric => ({...metric, inputs, teacherInputs: inputs - 3}));
  return {
    confusion: {truth: confusion, teacher: confusion},
    classes: metrics.map(metric => ({...metric, agreement: Math.min(1, metric.recall + agreement - accuracy)})),
    coverage: coverage(agreement, index),
  };
}

function coverage(agreement: number, index: number): Coverage {
  const points = Array.from({length: 50}, (_, point) => {
    const share = (point + 1) / 50;
    return {coverage: share, agreement: 1 - (1 - agreement) * share ** (3 + index), threshold: 1 - 0.6 * share ** 4};
  });
  return {points, ...(index > 2 && {chosen: points[30 + 2 * index]!})};
}

const NONE = {setAside: 0, inDoubt: 0, refused: 0, inputTokens: 0, outputTokens: 0};

function ledger(methods: readonly SampleMethod[]): Results['ledger'] {
  const asked = [...new Set(methods.map(({level}) => level))].filter(level => level !== 'none');
  const totals = (share: number): LedgerTotals => ({
    asked: 2_000,
    bought: share === 0 ? 2_000 : 0,
    cached: share === 0 ? 0 : 2_000,
    calls: share === 0 ? 33 : 0,
    ...NONE,
  });
  const full = asked.length - 1;
  return {
    asked: 2_000 * asked.length,
    bought: 2_000,
    cached: 2_000 * full,
    calls: 33,
    ...NONE,
    byLevel: Object.fromEntries(asked.map((level, index) => [level, totals(full - index)])),
    byMethod: {},
    evaluation: {asked: 10_000, bought: 10_000, cached: 0, calls: 157, ...NONE},
  };
}

/** Bins of 1/15 with most of the mass on the right, under-confident by about `error`. */
function reliability(accuracy: number, error: number, seed: number): readonly ReliabilityBin[] {
  const random = noise(seed, 'reliability');
  return Array.from({length: 15}, (_, index) => {
    const [low, high] = [index / 15, (index + 1) / 15];
    const middle = (low + high) / 2;
    const count = index < 2 ? 0 : Math.round(10_000 * shareOfBin(index, accuracy));
    const right = Math.min(1, Math.max(0, middle + error * 1.6 + (0.5 * random()) / Math.sqrt(count + 1)));
    return {
      low,
      high,
      count,
      confidence: count === 0 ? 0 : middle + 0.01 * random(),
      accuracy: count === 0 ? 0 : right,
    };
  });
}

function shareOfBin(index: number, accuracy: number): number {
  const weights = Array.from({length: 15}, (_, bin) =>
    bin < 2 ? 0 : Math.exp((bin - 14) * (0.9 - 6 * (1 - accuracy))),
  );
  return weights[index]! / weights.reduce((sum, weight) => sum + weight, 0);
}

function targets(classes: number, entropy: number, temperature: number): TargetSummary {
  const bins = 20;
  if (entropy === 0)
    return {entropy, smoothing: 0, histogram: Array.from({length: bins}, (_, bin) => (bin === 0 ? 2_000 : 0))};
  const weights = Array.from({length: bins}, (_, bin) => {
    const share = (bin + 0.5) / bins;
    return temperature > 1 ? Math.exp(-(((share - entropy) / 0.11) ** 2)) : Math.exp(-share / entropy);
  });
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return {
    entropy,
    smoothing: entropy * (1 - 1 / classes) * 0.8,
    histogram: weights.map(weight => Math.round((2_000 * weight) / total)),
  };
}

/** Mean softmax by true class: the diagonal high, mixed-up pairs above the rest, `nearness` to the teacher's pattern. */
function relation(classes: number, nearness: number, seed: number): readonly (readonly number[])[] {
  const random = noise(seed, 'relation');
  const rows = Array.from({length: classes}, (_, row) =>
    Array.from({length: classes}, (_, column) => {
      const pair = alike.find(([a, b]) => (a === row && b === column) || (b === row && a === column));
      const mass = 0.008 + nearness * (pair?.[2] ?? 0) + (1.1 - nearness) * 0.1 * Math.abs(random());
      return row === column ? 0 : mass;
    }),
  );
  return rows.map((row, index) => {
    const others = row.reduce((sum, value) => sum + value, 0);
    const scale = Math.min(1, 0.6 / others);
    return row.map((value, column) => (column === index ? 1 - others * scale : value * scale));
  });
}

function offDiagonal(matrix: readonly (readonly number[])[]): readonly number[] {
  return matrix.flatMap((row, index) => row.filter((_, column) => column !== index));
}

/** Numbers from -1 to 1 around 0. */
function noise(seed: number, purpose: string): () => number {
  const random = seededRandom(seed + 1, purpose);
  return () => randomFraction(random) + randomFraction(random) - 1;
}

function rounded(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}

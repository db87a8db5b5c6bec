import {readdir} from 'node:fs/promises';
import {join} from 'node:path';
import {beforeAll, describe, expect, it} from 'vitest';
import type {LayeredTeacher} from '../../src/ask/layer.ts';
import type {Encoder} from '../../src/encoder/encoder.ts';
import {startEngine} from '../../src/engine/engine.ts';
import type {Knowledge} from '../../src/knowledge/knowledge.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import {margin} from '../../src/select/margin.ts';
import {medoids} from '../../src/select/medoids.ts';
import {describeShares, planOf, type SelectOptions, strategyName} from '../../src/select/options.ts';
import {random} from '../../src/select/random.ts';
import type {SelectionRound} from '../../src/select/round.ts';
import {selectInRounds} from '../../src/select/select-in-rounds.ts';
import {hashedNgrams} from '../../src/student/hashed-ngrams.ts';
import type {Student} from '../../src/student/student.ts';
import {train} from '../../src/train/train.ts';
import {folders} from '../study/tiny.ts';

beforeAll(startEngine);

const newFolder = folders();

const classes = ['even', 'odd'];
const TOPICS = [0, 1, 2, 4, 5, 7, 8, 10, 11];
/** Each text is on one of nine topics; a third of all is on the first. */
const texts = Array.from({length: 90}, (_, row) => `topic ${row % 3 === 0 ? 0 : row % 12}, text ${row}`);
const topicOf = (text: string): number => Number(/\d+/.exec(text)![0]);
const pool = {role: 'transfer', inputs: {kind: 'text', count: texts.length, texts}} as const;

/** An encoder that knows the topics. */
class TopicEncoder implements Encoder {
  readonly name = 'topics';
  readonly hash = 'f'.repeat(64);
  readonly dimensions = 12;
  readonly encoded: string[] = [];
  isOpen = true;

  async encode(some: readonly string[]): Promise<Float32Array> {
    this.encoded.push(...some);
    return Float32Array.from(
      some.flatMap(text => Array.from({length: 12}, (_, axis) => (axis === topicOf(text) ? 1 : text.length / 1000))),
    );
  }

  close(): void {
    this.isOpen = false;
  }
}

const asked: string[] = [];
const teacher: LayeredTeacher = {
  name: 'parity',
  identity: {},
  access: 'black-box',
  classes,
  detail: {kind: 'label'},
  maxBatch: 100,
  async ask(queries) {
    return queries.map(({input}) => {
      const {text} = input as {readonly text: string};
      asked.push(text);
      return {answer: {kind: 'label', label: topicOf(text) % 2}};
    });
  },
};

async function trained(knowledge: Knowledge, seed: number): Promise<Student> {
  const builder = hashedNgrams({buckets: 64, units: [4]});
  const student = builder({classes, kind: 'text', inputShape: [], preprocessing: {}}, seed);
  for await (const _epoch of train(student, knowledge, {losses: [hardLabels()], seed, epochs: 1}));
  return student;
}

async function select(changes: Partial<SelectOptions>): Promise<SelectionRound[]> {
  asked.length = 0;
  const rounds: SelectionRound[] = [];
  const least = {by: random(), most: 40, held: 8, first: 9, size: 10, seed: 1, train: trained};
  for await (const round of selectInRounds(teacher, pool, {...least, ...changes})) rounds.push(round);
  return rounds;
}

/** The topics of the first inputs that are neither held out nor for calibration. */
async function firstTopics(changes: Partial<SelectOptions>): Promise<readonly number[]> {
  const learned: string[][] = [];
  await select({
    ...changes,
    train: (knowledge, seed) => {
      learned.push([...(knowledge.inputs as typeof pool.inputs).texts]);
      return trained(knowledge, seed);
    },
  });
  return learned[0]!.map(topicOf).sort((one, other) => one - other);
}

describe('a selection whose strategy has an encoder', () => {
  it('chooses the first round, and the others too', async () => {
    const encoder = new TopicEncoder();
    expect(await firstTopics({by: medoids({encoder})})).toEqual(TOPICS);
    expect((await firstTopics({by: random()})).filter(topic => topic === 0).length).toBeGreaterThan(1);
    const rounds = await select({by: medoids({encoder})});
    expect(rounds.map(({asked}) => asked)).toEqual([17, 10, 10, 3]);
    expect(new Set(asked).size).toBe(40);
    expect(encoder.isOpen).toBe(true);
  });

  it('encodes each text once', async () => {
    const encoder = new TopicEncoder();
    await select({by: medoids({encoder})});
    expect(new Set(encoder.encoded).size).toBe(encoder.encoded.length);
  });

  it('begins by one strategy and goes on by another', async () => {
    const encoder = new TopicEncoder();
    const start = medoids({encoder});
    expect(await firstTopics({start, by: margin()})).toEqual(TOPICS);
    expect(strategyName({start, by: margin()})).toBe('medoids, then margin');
    expect(strategyName({by: start})).toBe('medoids');
    await expect(select({start: margin(), by: random()})).rejects.toThrow('and margin needs a student that learned');
  });

  it('draws what is held out and what calibrates as it does without', async () => {
    const calibrating = ({knowledge}: SelectionRound) =>
      knowledge.calibrationInputs!.map(index => (knowledge.inputs as typeof pool.inputs).texts[index]);
    const [chosen, again] = [
      await select({by: medoids({encoder: new TopicEncoder()}), calibration: 6}),
      await select({by: medoids({encoder: new TopicEncoder()}), calibration: 6}),
    ];
    expect(again).toEqual(chosen);
    expect(chosen.map(({asked, held}) => [asked, held])).toEqual([
      [23, 8],
      [10, 8],
      [7, 8],
    ]);
    expect(calibrating(chosen.at(-1)!)).toHaveLength(6);
    // They are drawn from all inputs, and topics come as often as there.
    const seeds = Array.from({length: 12}, (_, seed) => seed);
    const drawn = await Promise.all(
      seeds.map(async seed =>
        calibrating((await select({by: medoids({encoder: new TopicEncoder()}), most: 27, calibration: 10, seed}))[0]!),
      ),
    );
    const ofFirst = drawn.flat().filter(text => topicOf(text!) === 0).length / drawn.flat().length;
    expect(Math.abs(ofFirst - 1 / 3)).toBeLessThan(0.15);
  });

  it('opens an encoder by its folder, and keeps the encodings for the next selection', async () => {
    const directory = await newFolder();
    const by = medoids({encoder: join(import.meta.dirname, '../fixtures/encoder/bert')});
    const rounds = await select({by, encodings: directory});
    expect(await readdir(join(directory, 'encodings'))).not.toEqual([]);
    expect(await select({by, encodings: directory})).toEqual(rounds);
    expect((await select({by})).at(-1)!.rows).toEqual(rounds.at(-1)!.rows);
  });

  it('says how many inputs are drawn, and how many are chosen', () => {
    const plan = planOf(pool.inputs, {
      ...{start: medoids({encoder: 'folder'}), by: margin(), most: 80, seed: 1, calibration: 5, explore: 0.25},
    });
    expect(describeShares(plan)).toBe(
      '16 drawn at random to measure by, 5 drawn at random to calibrate by, 8 chosen by medoids to begin with, ' +
        '51 chosen by margin (25 % of them drawn). Only inputs drawn at random stand for future ones',
    );
    expect(describeShares(planOf(pool.inputs, {by: margin(), most: 30, held: 20, first: 10, seed: 1}))).toBe(
      '20 drawn at random, 10 drawn at random to begin with. Only inputs drawn at random stand for future ones',
    );
  });

  it('encodes nothing but texts', () => {
    const images = {kind: 'tensor', dtype: 'float32', shape: [1], count: 30, data: new Float32Array(30)} as const;
    expect(() => planOf(images, {by: medoids({encoder: 'folder'}), most: 20, seed: 1})).toThrow(
      'medoids compares inputs by an encoder of texts, and these are of kind tensor',
    );
  });
});

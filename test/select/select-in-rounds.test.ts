import {join} from 'node:path';
import {beforeAll, describe, expect, it} from 'vitest';
import type {LayeredTeacher} from '../../src/ask/layer.ts';
import {stack} from '../../src/ask/teacher-stack.ts';
import {transferSet} from '../../src/data/split.ts';
import {startEngine} from '../../src/engine/engine.ts';
import {BudgetError, InputError, KnowledgeError, PendingError, TeacherError} from '../../src/errors.ts';
import {accuracy} from '../../src/evaluate/metrics.ts';
import type {Knowledge} from '../../src/knowledge/knowledge.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import {balanced} from '../../src/select/balanced.ts';
import {disagreement} from '../../src/select/disagreement.ts';
import {kCenter} from '../../src/select/k-center.ts';
import {margin} from '../../src/select/margin.ts';
import type {SelectOptions} from '../../src/select/options.ts';
import {random} from '../../src/select/random.ts';
import type {SelectionRound} from '../../src/select/round.ts';
import {selectInRounds} from '../../src/select/select-in-rounds.ts';
import type {Strategy} from '../../src/select/strategy.ts';
import {openAnswerStore} from '../../src/store/store.ts';
import {mlp} from '../../src/student/mlp.ts';
import {predictLogits} from '../../src/student/predict.ts';
import type {Student} from '../../src/student/student.ts';
import {adam} from '../../src/train/optimizer.ts';
import {train} from '../../src/train/train.ts';
import {classes, folders, hashesOf, type TinyTeachers, tinyData, tinyModel, tinyTeachers} from '../study/tiny.ts';

let model: Student;
let teachers: TinyTeachers;
beforeAll(async () => {
  await startEngine();
  model = await tinyModel();
});

const pool = transferSet(tinyData().train);
const newFolder = folders();

async function trained(knowledge: Knowledge, seed: number): Promise<Student> {
  const student = mlp({units: [6]})({classes, inputShape: [4, 4, 1], preprocessing: {scale: 1 / 255}}, seed);
  const options = {losses: [hardLabels()], seed, epochs: 3, batchSize: 8, optimizer: adam({learningRate: 0.02})};
  for await (const _epoch of train(student, knowledge, options));
  return student;
}

const least: SelectOptions = {by: margin(), most: 40, held: 10, first: 6, size: 8, seed: 1, train: trained};

/** Every round about the tiny task, and what was asked for it. */
async function select(
  changes: Partial<SelectOptions> = {},
  around: (teacher: LayeredTeacher) => LayeredTeacher = teacher => teacher,
): Promise<SelectionRound[]> {
  teachers = tinyTeachers(model);
  const rounds: SelectionRound[] = [];
  for await (const round of selectInRounds(around(teachers['black-box']), pool, {...least, ...changes})) {
    rounds.push(round);
  }
  return rounds;
}

/** A teacher that leaves queries without an answer, by their indices among all its queries. */
function failing(teacher: LayeredTeacher, errorOf: (position: number) => Error | undefined): LayeredTeacher {
  let position = 0;
  return {
    ...teacher,
    async ask(queries, options) {
      const outcomes = await teacher.ask(queries, options);
      return outcomes.map(outcome => {
        const error = errorOf(position++);
        return error ? {error} : outcome;
      });
    },
  };
}

const strategies: readonly Strategy[] = [random(), margin(), kCenter(), disagreement(), balanced(margin())];

describe('selectInRounds', () => {
  it.each(strategies.map(by => [by.name, by] as const))(
    'asks by %s about each input once, in rounds',
    async (_, by) => {
      const rounds = await select({by});
      expect(rounds.map(({round, asked}) => [round, asked])).toEqual([
        [1, 16],
        [2, 8],
        [3, 8],
        [4, 8],
      ]);
      expect(rounds.map(({stopped}) => stopped)).toEqual([undefined, undefined, undefined, 'most']);
      const {rows, knowledge} = rounds.at(-1)!;
      expect(new Set(rows).size).toBe(40);
      expect(teachers['black-box'].queried).toHaveLength(40);
      const all = hashesOf(pool.inputs);
      expect(hashesOf(knowledge.inputs)).toEqual(Array.from(rows, row => all[row]));
    },
  );

  it('trains no student if all is asked in one round, whether an answer is missing or not', async () => {
    const train = () => Promise.reject(new Error('No student has to choose.'));
    const rounds = await select({first: 30, train});
    expect(rounds).toMatchObject([{round: 1, asked: 40, held: 10, stopped: 'most'}]);
    expect(rounds[0]).toMatchObject({agreement: undefined, gain: undefined});
    const one = await select({first: 30, train}, teacher =>
      failing(teacher, at => (at === 20 ? new TeacherError('tiny', 'Unreadable.') : undefined)),
    );
    expect(one).toMatchObject([{asked: 40, agreement: undefined, stopped: 'most'}]);
  });

  it('draws what calibrates at random, whatever the strategy, and lets no student of a round learn from it', async () => {
    const learned: string[][] = [];
    const rounds = await select({
      calibration: 12,
      train: (knowledge, seed) => {
        learned.push(hashesOf(knowledge.inputs));
        return trained(knowledge, seed);
      },
    });
    expect(rounds.map(({asked}) => asked)).toEqual([28, 8, 4]);
    const last = rounds.at(-1)!;
    expect(teachers['black-box'].queried).toHaveLength(40);
    const all = hashesOf(last.knowledge.inputs);
    const calibrating = last.knowledge.calibrationInputs!.map(position => all[position]!);
    expect(calibrating).toHaveLength(12);
    expect(learned.map(({length}) => length)).toEqual([6, 14, 18]);
    for (const hashes of learned) for (const hash of calibrating) expect(hashes).not.toContain(hash);
    // The agreement of a round is measured on others: it decides when to stop.
    expect(last.held).toBe(10);
    const byChance = (await select({calibration: 12, by: random()})).at(-1)!.knowledge;
    const others = hashesOf(byChance.inputs);
    expect(byChance.calibrationInputs!.map(position => others[position])).toEqual(calibrating);
    await expect(select({calibration: 30})).rejects.toThrow(
      '10 held out and 6 to learn from, 30 to calibrate by, and 40',
    );
  });

  it('begins at random, the same for every strategy, and then goes where the student is unsure', async () => {
    const [byMargin, byChance] = [await select(), await select({by: random()})];
    expect(byMargin[0]!.rows).toEqual(byChance[0]!.rows);
    expect(byMargin[1]!.rows).not.toEqual(byChance[1]!.rows);
    let student: Student | undefined;
    const [first, second] = await select({
      train: async (knowledge, seed) => {
        const fresh = await trained(knowledge, seed);
        student ??= await trained(knowledge, seed);
        return fresh;
      },
    });
    const logits = await predictLogits(student!, pool.inputs);
    const gapOf = (row: number): number => {
      const [one, other] = Array.from(logits.subarray(3 * row, 3 * row + 3), Math.exp)
        .map((value, _, all) => value / all.reduce((sum, one) => sum + one, 0))
        .sort((one, other) => other - one);
      return one! - other!;
    };
    const known = new Set(first!.rows);
    const byGap = Array.from({length: 60}, (_, row) => row).filter(row => !known.has(row));
    byGap.sort((one, other) => gapOf(one) - gapOf(other));
    expect([...second!.rows.slice(16)].sort()).toEqual(byGap.slice(0, 8).sort());
  });

  it('measures by inputs that no student learned from, which stay in the knowledge', async () => {
    const learned: Knowledge[] = [];
    const students: Student[] = [];
    const rounds = await select({
      async train(knowledge, seed) {
        learned.push(knowledge);
        students.push(await trained(knowledge, seed));
        return trained(knowledge, seed);
      },
    });
    const all = hashesOf(rounds.at(-1)!.knowledge.inputs);
    const everLearned = new Set(learned.flatMap(({inputs}) => hashesOf(inputs)));
    const held = all.filter(hash => !everLearned.has(hash));
    expect(held).toHaveLength(10);
    for (const [index, round] of rounds.entries()) {
      const {inputs, answers} = round.knowledge;
      expect(inputs.count).toBe(learned[index]!.inputs.count + 10);
      const rows = hashesOf(inputs).flatMap((hash, row) => (held.includes(hash) ? [row] : []));
      const logits = await predictLogits(students[index]!, inputs);
      const ofHeld = rows.flatMap(row => [...logits.subarray(3 * row, 3 * row + 3)]);
      const {labels} = answers as {readonly labels: Int32Array};
      expect(round.agreement!.share).toBeCloseTo(
        accuracy(
          ofHeld,
          rows.map(row => labels[row]!),
          3,
        ),
        12,
      );
      expect(round.held).toBe(10);
    }
    expect(rounds[0]!.gain).toBeUndefined();
    expect(rounds[1]!.gain?.calls).toBe(100);
  });

  it('goes the same way again, and asks nothing twice after it was stopped', async () => {
    const whole = await select();
    const store = openAnswerStore({path: join(await newFolder(), 'answers')});
    const stacked = (teacher: LayeredTeacher) => stack(teacher, {store});
    teachers = tinyTeachers(model);
    for await (const {round} of selectInRounds(stacked(teachers['black-box']), pool, least)) if (round === 2) break;
    expect(teachers['black-box'].queried).toHaveLength(24);
    const again = await select({}, stacked);
    expect(teachers['black-box'].queried).toHaveLength(16);
    expect(again).toEqual(whole);
    await store.close();
    expect((await select({seed: 2})).at(-1)!.rows).not.toEqual(whole.at(-1)!.rows);
  });

  it('mixes in random inputs, and looks at some of the pool alone', async () => {
    const sizes: number[] = [];
    const by: Strategy = {
      ...margin(),
      choose(candidates, size) {
        sizes.push(candidates.count, size);
        return margin().choose(candidates, size);
      },
    };
    const rounds = await select({by, explore: 0.25, among: 12, most: 24});
    expect(sizes).toEqual([12, 6]);
    expect(new Set(rounds.at(-1)!.rows).size).toBe(24);
    expect((await select({explore: 1, by: {...by, choose: () => expect.fail('asked')}})).at(-1)!.rows).toHaveLength(40);
  });

  it('ends with the pool, and when the wanted agreement is reached', async () => {
    expect((await select({most: 100})).at(-1)).toMatchObject({stopped: 'pool', asked: 4});
    expect(await select({stop: {agreement: 0}})).toMatchObject([{round: 1, stopped: 'agreement'}]);
    expect((await select({stop: {gain: 1}})).at(-1)).toMatchObject({round: 3, stopped: 'gain'});
  });

  it('leaves out what was not answered, and does not ask about it again', async () => {
    const rounds = await select({}, teacher =>
      failing(teacher, position => (position % 10 === 3 ? new TeacherError('tiny', 'Unreadable.') : undefined)),
    );
    const {rows} = rounds.at(-1)!;
    expect(rows).toHaveLength(36);
    const missing = rounds.flatMap(round => round.missing.map(({index}) => index));
    expect(new Set([...missing, ...rows]).size).toBe(40);
    expect(teachers['black-box'].queried).toHaveLength(40);
  });

  it('ends at the end of the budget, in the middle of a round and between two', async () => {
    const unpaid = (from: number) => (teacher: LayeredTeacher) =>
      failing(teacher, position => (position >= from ? new BudgetError('Spent.') : undefined));
    expect((await select({}, unpaid(20))).map(({rows, stopped}) => [rows.length, stopped])).toEqual([
      [16, undefined],
      [20, 'budget'],
    ]);
    const between = await select({}, unpaid(24));
    expect(between.map(({asked, rows, stopped}) => [asked, rows.length, stopped])).toEqual([
      [16, 16, undefined],
      [8, 24, undefined],
      [8, 24, 'budget'],
    ]);
    expect(between[2]!.missing).toHaveLength(8);
    await expect(select({}, unpaid(0))).rejects.toThrow('before the first answer');
  });

  it('waits for batches, and refuses a first round that is too small to hold out some', async () => {
    const pending = select({}, teacher =>
      failing(teacher, position => (position === 20 ? new PendingError('In a batch.') : undefined)),
    );
    await expect(pending).rejects.toThrow(PendingError);
    const few = select({}, teacher =>
      failing(teacher, position => (position > 0 ? new TeacherError('tiny', 'Unreadable.') : undefined)),
    );
    await expect(few).rejects.toThrow(KnowledgeError);
    const versions = selectInRounds(tinyTeachers(model)['black-box'], {...pool, versions: 2}, least).next();
    await expect(versions).rejects.toThrow(InputError);
  });

  it('stops at an abort', async () => {
    const control = new AbortController();
    const stopped = select({
      signal: control.signal,
      async train(knowledge, seed) {
        control.abort(new Error('enough'));
        return trained(knowledge, seed);
      },
    });
    await expect(stopped).rejects.toThrow('enough');
    expect(teachers['black-box'].queried).toHaveLength(16);
  });
});

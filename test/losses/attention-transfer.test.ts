import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import {attentionLoss, attentionTransfer} from '../../src/losses/attention-transfer.ts';
import {expectReference, golden, literature, numberOf, numbersOf} from './engine.ts';

beforeAll(async () => {
  await startEngine();
});

/** [1, 2, 2, 2]; published maps put channels first. */
const channelsLast = (values: readonly number[], size = 2): tf.Tensor =>
  tf.transpose(tf.tensor4d([...values], [1, 2, size, size]), [0, 2, 3, 1]);
const teacher = () => channelsLast([1, 0, 2, 1, 0, 3, 1, 1]);

/** A reference whose gradient has its channels last. */
function reference(name: string, size: number): {value: number; gradient: number[]} {
  const {value, gradient} = literature[name]!;
  return {value, gradient: [...channelsLast(numbersOf(gradient), size).dataSync()]};
}

describe('the loss of attention', () => {
  it("is the authors' value, with its gradient", () => {
    const student = channelsLast([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(numberOf(attentionLoss(teacher(), student))).toBeCloseTo(golden.values['AT p2']!, 5);
    expectReference(reference('attention', 2), x => attentionLoss(teacher(), x), student);
  });

  it('pools the maps of the greater side to the size of the smaller', () => {
    const student = channelsLast(
      Array.from({length: 32}, (_, index) => Math.cos(index)),
      4,
    );
    expectReference(reference('attention, student of twice the size', 4), x => attentionLoss(teacher(), x), student);
    const swapped = numberOf(attentionLoss(student, teacher()));
    expect(swapped).toBeCloseTo(literature['attention, student of twice the size']!.value, 5);
  });

  it('is blind to how active a side is, and to how many channels it has', () => {
    const student = channelsLast([0, 1, 2, 3, 4, 5, 6, 7]);
    const plain = numberOf(attentionLoss(teacher(), student));
    expect(numberOf(attentionLoss(tf.mul(teacher(), 3), tf.mul(student, -0.1)))).toBeCloseTo(plain, 5);
    expect(numberOf(attentionLoss(teacher(), tf.concat([student, student, student], 3)))).toBeCloseTo(plain, 5);
  });

  it('compares places: a map that is moved is another', () => {
    const moved = tf.reverse(teacher(), 1);
    expect(numberOf(attentionLoss(teacher(), moved))).toBeGreaterThan(0.01);
  });
});

describe('the term of attention', () => {
  const term = attentionTransfer({teacher: 'stage2', student: 'conv'});
  const prepare = (teacher: number[], student: number[]) => () =>
    term.prepare({teacher: {stage2: teacher}, student: {conv: student}}, 1);

  it('needs that feature of the teacher, weighs 1000 and has no variables', () => {
    expect(term).toMatchObject({
      name: 'attention-transfer (stage2 to conv)',
      weight: 1000,
      needs: {kind: 'logits', features: ['stage2']},
      studentFeatures: ['conv'],
    });
    expect(prepare([8, 8, 64], [16, 16, 8])().variables).toEqual([]);
  });

  it('takes maps whose sizes divide', () => {
    expect(prepare([8, 8, 4], [8, 4, 4])).not.toThrow();
    expect(prepare([4, 4, 4], [8, 12, 1])).not.toThrow();
  });

  it.each([
    [
      [8, 8, 4],
      [12, 12, 4],
    ],
    [[128], [8, 8, 4]],
    [
      [8, 8, 4],
      [4, 16, 4],
    ],
  ])('refuses a teacher of %j and a student of %j', (teacher, student) => {
    expect(prepare(teacher, student)).toThrow(
      `the teacher's layer \`stage2\` [${teacher.join(', ')}] with the student's layer \`conv\` [${student.join(', ')}]`,
    );
    expect(prepare(teacher, student)).toThrow('the greater height and width must be multiples of the smaller');
  });

  it('refuses a layer that is not there and names those that are', () => {
    expect(() => term.prepare({teacher: {stage2: [8, 8, 4]}, student: {}}, 1)).toThrow(
      'The student shows no layer `conv` to attention-transfer; it shows none. Name one of these.',
    );
  });
});

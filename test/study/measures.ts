import {expect} from 'vitest';
import {inputAt} from '../../src/data/inputs.ts';
import {asTeacher} from '../../src/student/as-teacher.ts';
import type {Student} from '../../src/student/student.ts';
import type {LogitsAnswer} from '../../src/teacher.ts';
import {tinyData} from './tiny.ts';

/** The teacher's logits on the test split, asked without any layer between. */
export async function teacherLogits(student: Student): Promise<number[][]> {
  const {inputs} = tinyData().test;
  const queried = Array.from({length: inputs.count}, (_, index) => ({input: inputAt(inputs, index)}));
  const outcomes = await asTeacher(student).ask(queried);
  return outcomes.map(outcome => [...(outcome as {answer: LogitsAnswer}).answer.logits]);
}

/** Logits of three classes, a row an input. */
export function rowsOf(logits: Float32Array): number[][] {
  return Array.from({length: logits.length / 3}, (_, row) => [...logits.subarray(row * 3, row * 3 + 3)]);
}

/** The class of the largest logit. */
export const best = (row: readonly number[]): number => row.indexOf(Math.max(...row));

function softmax(row: readonly number[]): number[] {
  const exponentials = row.map(logit => Math.exp(logit - Math.max(...row)));
  const sum = exponentials.reduce((all, value) => all + value, 0);
  return exponentials.map(value => value / sum);
}

/** The measures of a row, straight from their definitions. */
export function measure(
  said: readonly number[][],
  taught: readonly number[][],
  labels: Int32Array,
): Record<string, unknown> {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [q, p] = [said.map(softmax), taught.map(softmax)];
  const right = q.map((row, index) => (best(row) === labels[index] ? 1 : 0) as number);
  const confidence = q.map(row => Math.max(...row));
  const gaps = Array.from({length: 15}, (_, bin) => {
    const inside = [...q.keys()].filter(index => Math.ceil(confidence[index]! * 15) - 1 === bin);
    if (inside.length === 0) return 0;
    return (
      (inside.length / q.length) * Math.abs(mean(inside.map(i => right[i]!)) - mean(inside.map(i => confidence[i]!)))
    );
  });
  const values = {
    accuracy: mean(right),
    agreement: mean(q.map((row, index) => (best(row) === best(p[index]!) ? 1 : 0))),
    klToTeacher: mean(p.map((row, index) => row.reduce((sum, pc, c) => sum + pc * Math.log(pc / q[index]![c]!), 0))),
    nll: mean(q.map((row, index) => -Math.log(row[labels[index]!]!))),
    ece: gaps.reduce((sum, gap) => sum + gap, 0),
    brier: mean(q.map((row, index) => row.reduce((sum, qc, c) => sum + (qc - (labels[index] === c ? 1 : 0)) ** 2, 0))),
    entropy: mean(q.map(row => -row.reduce((sum, qc) => sum + qc * Math.log(qc), 0))),
  };
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, expect.closeTo(value, 6)]));
}

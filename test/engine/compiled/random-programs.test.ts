import fc from 'fast-check';
import {expect, it} from 'vitest';
import {CompiledCalls} from '../../../src/engine/compiled/compiled-calls.ts';
import {tf} from '../../../src/engine/tf.ts';
import {momentumUpdate} from '../../../src/engine/updates.ts';
import {needsNativeEngine} from '../native-only.ts';

needsNativeEngine();

/** The possible next steps of a program. Numbers choose among the present values and the variables. */
type Statement =
  | {readonly kind: 'add' | 'subtract'; readonly left: number; readonly right: number}
  | {readonly kind: 'assign'; readonly target: number; readonly value: number}
  | {readonly kind: 'move'; readonly target: number; readonly slot: number; readonly value: number};

const VARIABLES = 4;
const choice = fc.nat(20);
const target = fc.nat(VARIABLES - 1);
const statement: fc.Arbitrary<Statement> = fc.oneof(
  fc.record({kind: fc.constantFrom('add' as const, 'subtract' as const), left: choice, right: choice}),
  fc.record({kind: fc.constant('assign' as const), target, value: choice}),
  fc.record({kind: fc.constant('move' as const), target, slot: target, value: choice}),
);

/** Runs the statements; whole numbers, so that no order of sums makes a difference. */
function run(program: readonly Statement[], variables: readonly tf.Variable[], x: tf.Tensor): tf.Tensor {
  const values: tf.Tensor[] = [x];
  const valueAt = (position: number): tf.Tensor =>
    [...values, ...variables][position % (values.length + variables.length)]!;
  for (const statement of program) {
    switch (statement.kind) {
      case 'assign':
        // A copy: TensorFlow.js drops a variable's old value before it takes the new one, though both be the same.
        variables[statement.target]!.assign(tf.clone(valueAt(statement.value)));
        break;
      case 'move': {
        const [variable, velocity] = [variables[statement.target]!, variables[statement.slot]!];
        const inputs = {variable, velocity, gradient: valueAt(statement.value), rate: tf.scalar(1)};
        const [moved, next] = momentumUpdate(inputs, {momentum: 1, nesterov: false});
        variable.assign(moved);
        if (velocity !== variable) velocity.assign(next);
        values.push(next);
        break;
      }
      default: {
        const operation = statement.kind === 'add' ? tf.add : tf.sub;
        values.push(operation(valueAt(statement.left), valueAt(statement.right)));
      }
    }
  }
  return tf.stack([...values, ...variables]);
}

/** Results of four calls and the variables after them. */
function outcome(program: readonly Statement[], calls: CompiledCalls | undefined): number[][] {
  const variables = Array.from({length: VARIABLES}, (_, index) => tf.variable(tf.tensor1d([index + 1, -index])));
  const outcomes = [1, 2, 1, 3].map(size => {
    const x = tf.mul(tf.ones([2]), size);
    const step = () => run(program, variables, x);
    return tf.tidy(() => [...(calls ? calls.call([x], step) : step()).dataSync()]);
  });
  calls?.sync();
  const after = variables.map(variable => [...variable.dataSync()]);
  tf.dispose(variables);
  return [...outcomes, ...after];
}

it('any program of sums, assignments and updates in place comes to the same compiled as it does plain', () => {
  const compiled = {yes: 0, no: 0};
  fc.assert(
    fc.property(fc.array(statement, {minLength: 1, maxLength: 8}), program => {
      const reasons: string[] = [];
      const calls = new CompiledCalls(reason => reasons.push(reason));
      const actual = outcome(program, calls);
      calls.dispose();
      compiled[reasons.length === 0 ? 'yes' : 'no']++;
      expect(actual).toEqual(outcome(program, undefined));
    }),
    {numRuns: 150},
  );
  // An update whose values do not end in variables can't be compiled; many programs can.
  expect(compiled.yes).toBeGreaterThan(30);
});

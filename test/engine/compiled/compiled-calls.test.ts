import {readdirSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {nativeBackend} from '../../../src/engine/compiled/binding.ts';
import {CompiledCalls} from '../../../src/engine/compiled/compiled-calls.ts';
import {tf} from '../../../src/engine/tf.ts';
import {needsNativeEngine} from '../native-only.ts';

needsNativeEngine();

const sessions = (): number => nativeBackend()!.binding.getNumOfSavedModels();
const folders = (): string[] => readdirSync(tmpdir()).filter(name => name.startsWith(`limbeck-graph-${process.pid}-`));

let reasons: string[];
let calls: CompiledCalls;
beforeEach(() => {
  reasons = [];
  calls = new CompiledCalls(reason => reasons.push(reason));
});
afterEach(() => calls.dispose());

/** The result of a call of the function. */
function result(inputs: tf.Tensor[], run: () => tf.Tensor): number[] {
  return tf.tidy(() => [...calls.call(inputs, run).dataSync()]);
}

const held = (variable: tf.Variable): number[] => [...variable.dataSync()];

describe('CompiledCalls', () => {
  it('runs its function twice in all, to record it, and from the first call on as a graph', () => {
    let runs = 0;
    const values = [1, 2, 3].map(value => {
      const x = tf.tensor1d([value, -value]);
      const square = () => {
        runs++;
        return tf.square(x);
      };
      return result([x], square);
    });
    expect(values).toEqual([
      [1, 1],
      [4, 4],
      [9, 9],
    ]);
    expect(runs).toBe(2);
    expect(reasons).toEqual([]);
  });

  it('keeps variables in the graph, and brings them back when asked', () => {
    const total = tf.variable(tf.tensor1d([10, 20]));
    const add = (x: tf.Tensor) => () => {
      total.assign(tf.add(total, x) as tf.Tensor1D);
      return tf.mul(total, 1);
    };
    for (const expected of [
      [11, 22],
      [12, 24],
    ]) {
      const x = tf.tensor1d([1, 2]);
      expect(result([x], add(x))).toEqual(expected);
    }
    expect(held(total)).toEqual([10, 20]);
    calls.sync();
    expect(held(total)).toEqual([12, 24]);
  });

  it('takes in what was assigned outside between two calls, and keeps what was not', () => {
    const [a, b] = [tf.variable(tf.scalar(1)), tf.variable(tf.scalar(1))];
    const x = tf.scalar(1);
    const grow = () => {
      a.assign(tf.add(a, x));
      b.assign(tf.add(b, x));
      return tf.stack([a, b]);
    };
    expect(result([x], grow)).toEqual([2, 2]);
    a.assign(tf.scalar(100));
    expect(result([x], grow)).toEqual([101, 3]);
    calls.sync();
    expect([held(a), held(b)]).toEqual([[101], [3]]);
    b.assign(tf.scalar(-1));
    calls.sync();
    expect(held(b)).toEqual([-1]);
  });

  it('reads all variables before it assigns any', () => {
    const [a, b] = [tf.variable(tf.scalar(1)), tf.variable(tf.scalar(2))];
    const x = tf.scalar(0);
    const swap = () =>
      tf.tidy(() => {
        const [left, right] = [tf.clone(a), tf.clone(b)];
        a.assign(right);
        b.assign(left);
        return tf.add(left, x);
      });
    expect([1, 2, 3].map(() => result([x], swap)[0])).toEqual([1, 2, 1]);
    calls.sync();
    expect([held(a), held(b)]).toEqual([[2], [1]]);
  });

  it('leaves variables that it assigns no more than they were while it records', () => {
    const count = tf.variable(tf.scalar(0));
    const seen: number[] = [];
    const x = tf.scalar(1);
    result([x], () => {
      seen.push(tf.memory().numTensors);
      count.assign(tf.add(count, x));
      return tf.clone(count);
    });
    calls.sync();
    expect(seen).toHaveLength(2);
    expect(held(count)).toEqual([1]);
  });

  it('tells variables from copies of them, and from each other, though they share their data', () => {
    const initial = tf.tensor1d([1, 2]);
    const [a, b] = [tf.variable(initial), tf.variable(initial)];
    const copy = tf.clone(a);
    const x = tf.tensor1d([1, 1]);
    const step = () => {
      a.assign(tf.add(a, x) as tf.Tensor1D);
      b.assign(tf.sub(b, x) as tf.Tensor1D);
      return tf.stack([tf.sub(a, copy), tf.sub(b, initial)]);
    };
    expect([1, 2].map(() => result([x], step))).toEqual([
      [1, 1, -1, -1],
      [2, 2, -2, -2],
    ]);
  });

  it('compiles inputs of another shape into the same graph, with the same variables', () => {
    const total = tf.variable(tf.scalar(0));
    const add = (x: tf.Tensor) => () => {
      total.assign(tf.add(total, tf.sum(x)));
      return tf.clone(total);
    };
    const before = sessions();
    const values = [[1, 1], [5], [1, 1], [5], [1, 1]].map(row => {
      const x = tf.tensor1d(row);
      return result([x], add(x))[0];
    });
    expect(values).toEqual([2, 7, 9, 14, 16]);
    expect(sessions()).toBe(before + 1);
    calls.sync();
    expect(held(total)).toEqual([16]);
  });

  it('runs inputs of ever new shapes as they are, after eight', () => {
    let runs = 0;
    const total = tf.variable(tf.scalar(0));
    for (let round = 0; round < 2; round++) {
      for (let size = 1; size <= 10; size++) {
        const x = tf.ones([size]);
        result([x], () => {
          runs++;
          total.assign(tf.add(total, tf.sum(x)));
          return tf.clone(total);
        });
      }
    }
    calls.sync();
    expect(held(total)).toEqual([110]);
    expect(runs).toBe(8 * 2 + 2 * 2);
    expect(reasons).toEqual([]);
  });

  it('keeps what it made of variables while another function is recorded', () => {
    const total = tf.variable(tf.scalar(0));
    const x = tf.scalar(1);
    const count = () => {
      total.assign(tf.add(total, x));
      return tf.clone(total);
    };
    expect([1, 2].map(() => result([x], count)[0])).toEqual([1, 2]);
    const other = new CompiledCalls();
    tf.dispose(other.call([x], () => tf.mul(total, x)));
    expect(result([x], count)).toEqual([3]);
    other.dispose();
  });

  it('refuses to run on what a variable held that is disposed', () => {
    const factor = tf.variable(tf.scalar(2));
    const x = tf.scalar(3);
    const scale = () => tf.mul(factor, x);
    expect(result([x], scale)).toEqual([6]);
    factor.dispose();
    expect(() => result([x], scale)).toThrow('disposed');
  });

  it('carries constants of every type and kind, those from before too', () => {
    const before = tf.tensor2d([1, 2, 3, 4], [2, 2]);
    const x = tf.tensor2d([1, 1, 1, 1], [2, 2]);
    const many = () => {
      const whole = tf.add(
        tf.fill([2, 2], 7, 'int32'),
        tf.tensor2d(
          [
            [1, -2],
            [3, 4],
          ],
          [2, 2],
          'int32',
        ),
      );
      const chosen = tf.where(
        tf.tensor2d(
          [
            [1, 0],
            [0, 1],
          ],
          [2, 2],
          'bool',
        ),
        before,
        tf.fill([2, 2], -0.5),
      );
      const flags = tf.cast(tf.logicalAnd(tf.ones([2, 2], 'bool'), tf.zeros([2, 2], 'bool')), 'float32');
      return tf.addN([x, tf.cast(whole, 'float32'), chosen, flags]);
    };
    const expected = [...tf.tidy(() => many().dataSync())];
    expect(expected).toEqual([10, 5.5, 10.5, 16]);
    expect([result([x], many), result([x], many)]).toEqual([expected, expected]);
    expect(reasons).toEqual([]);
  });

  it('feeds only the inputs that are used', () => {
    const [unused, x] = [tf.scalar(1), tf.scalar(2)];
    expect(result([unused, x], () => tf.neg(x))).toEqual([-2]);
    unused.dispose();
    expect(result([unused, x], () => tf.neg(x))).toEqual([-2]);
  });

  it('leaves no tensor, no session and no folder behind', () => {
    const total = tf.variable(tf.zeros([64]));
    const x = tf.ones([64]);
    const before = {...tf.memory(), sessions: sessions()};
    const own = new CompiledCalls();
    const step = () => {
      total.assign(tf.add(total, x));
      return tf.sum(total);
    };
    for (let call = 0; call < 10; call++) {
      tf.tidy(() => own.call([x], step).dataSync());
      if (call % 3 === 0) own.sync();
    }
    expect(folders()).toEqual([]);
    expect(sessions()).toBe(before.sessions + 1);
    own.dispose();
    expect(sessions()).toBe(before.sessions);
    expect(tf.memory()).toMatchObject({numTensors: before.numTensors, numBytes: before.numBytes});
    expect(held(total)[0]).toBe(10);
  });
});

describe('CompiledCalls of rows', () => {
  /** The result of a call on a number of rows: row k holds k + 1 three times. */
  function ofRows(count: number, run: (rows: tf.Tensor) => tf.Tensor): number[] {
    return tf.tidy(() => {
      const rows = tf.tile(tf.range(1, count + 1), [3]);
      return [...calls.callRows(tf.transpose(tf.reshape(rows, [3, count])), run).dataSync()];
    });
  }

  it('runs its function three times in all, and then as one graph on any number of rows', () => {
    const before = sessions();
    let runs = 0;
    const weight = tf.variable(tf.scalar(10));
    const reshapes = (rows: tf.Tensor) => {
      runs++;
      const [count] = rows.shape as [number];
      const flat = tf.reshape(tf.mul(rows, weight), [3 * count]);
      const apart = tf.reshape(flat, [1, count, 3]);
      return tf.sum(tf.reshape(apart, [count, -1]), 1);
    };
    for (const count of [1, 3, 8, 2]) {
      expect(ofRows(count, reshapes)).toEqual(Array.from({length: count}, (_, row) => 30 * (row + 1)));
    }
    weight.assign(tf.scalar(1));
    expect(ofRows(4, reshapes)).toEqual([3, 6, 9, 12]);
    expect(runs).toBe(3);
    expect(sessions()).toBe(before + 1);
    expect(reasons).toEqual([]);
  });

  it('runs as one graph on inputs with several open axes', () => {
    let runs = 0;
    const run = ([rows, index]: readonly tf.Tensor[]) => {
      runs++;
      return tf.sum(tf.gather(tf.reshape(rows!, [-1, 2]), index!), 2);
    };
    for (const [count, length] of [
      [2, 2],
      [3, 5],
      [1, 4],
    ] as const) {
      const given = tf.tidy(() => {
        const rows = {input: tf.reshape(tf.range(0, 4 * count), [count, 4]), open: [0]};
        const index = {input: tf.fill([count, length], 2 * count - 1, 'int32'), open: [0, 1]};
        return calls.callOpen([rows, index], run);
      });
      expect(given.shape).toEqual([count, length]);
      expect([...given.dataSync()]).toEqual(Array.from({length: count * length}, () => 8 * count - 3));
      given.dispose();
    }
    expect(runs).toBe(3);
    expect(reasons).toEqual([]);
  });

  it('falls back, and says why, if the number of rows is in more than a reshape', () => {
    const means = (rows: tf.Tensor) => tf.div(tf.sum(rows, 1), rows.shape[0]!);
    expect([ofRows(1, means), ofRows(3, means)]).toEqual([[3], [1, 2, 3]]);
    expect(reasons).toEqual(['`RealDiv` takes a constant that is another each time: it depends on the number of rows']);
    expect(calls.fallback).toBe(reasons[0]);
  });

  it.each<[string, (rows: tf.Tensor) => tf.Tensor, string]>([
    [
      'a new shape has it twice',
      rows => tf.reshape(tf.matMul(rows, rows, false, true), [rows.shape[0]!, rows.shape[0]!]),
      '`Reshape` takes a constant that is another each time: it depends on the number of rows',
    ],
    [
      'a random number is made in JavaScript',
      rows => tf.mul(rows, tf.randomUniform([3])),
      '`Mul` takes a constant that is another each time: a random number made in JavaScript, perhaps',
    ],
  ])('falls back where %s', (_, run, reason) => {
    ofRows(2, run);
    expect(reasons).toEqual([reason]);
  });
});

describe('CompiledCalls falls back, and says why, where', () => {
  const x = (): tf.Tensor => tf.tensor1d([1, 2]);

  it.each<[string, (x: tf.Tensor) => tf.Tensor, string]>([
    [
      'a random number is made in JavaScript',
      x => tf.mul(x, tf.randomUniform([2])),
      '`Mul` takes a constant that is another each time: a random number made in JavaScript, perhaps',
    ],
    [
      'a value is read in the middle',
      x => (tf.sum(x).dataSync()[0]! > 0 ? tf.neg(x) : x),
      'its JavaScript reads what `Sum` gives',
    ],
    [
      'an array is filled anew each time',
      refilled([3, 4]),
      '`Mul` takes a constant that is another each time: a random number made in JavaScript, perhaps',
    ],
    [
      'TensorFlow draws random numbers',
      x => tf.cast(tf.multinomial(x as tf.Tensor1D, 2, 7), 'float32'),
      '`Multinomial` draws random numbers of its own',
    ],
    ['an input is read', x => tf.mul(x, x.dataSync()[0]!), 'its JavaScript reads an input'],
    ['another operation runs each time', alternating(tf.neg, tf.abs), '`Abs` ran where `Neg` did the time before'],
    ['an operation more runs', alternating(x => x, tf.abs), '`Abs` ran where nothing did the time before'],
    ['an operation less runs', alternating(tf.abs, x => x), '`Abs` did not run again'],
    [
      'an attribute changes',
      alternating(
        x => tf.leakyRelu(x, 0.1),
        x => tf.leakyRelu(x, 0.2),
      ),
      'an attribute of `LeakyRelu` is another each time',
    ],
    ['an operation takes another input', x => differently(x), 'input 1 of `Sub` comes from elsewhere each time'],
    [
      'it ends elsewhere',
      alternating(
        x => tf.stack([x, tf.abs(x)]),
        x => {
          tf.stack([x, tf.abs(x)]);
          return x;
        },
      ),
      'elsewhere',
    ],
    [
      'a variable is made',
      x => tf.add(tf.variable(tf.zeros([2]), true, `fresh ${tf.memory().numTensors}`), x),
      'is made inside of it',
    ],
  ])('%s', (_, run, reason) => {
    const input = x();
    const expected = [1, 2, 3].map(() => calls.call([input], () => run(input)).shape);
    expect(expected).toHaveLength(3);
    expect(reasons).toHaveLength(1);
    expect(reasons[0]).toContain(reason);
  });

  it('TensorFlow takes no such graph', () => {
    const {binding} = nativeBackend()!;
    const input = x();
    // Run alone, the type is inferred; in a graph it has to be said.
    const untyped = () => {
      const backend = nativeBackend()!;
      return backend.createOutputTensor(
        backend.binding.executeOp('Neg', [], backend.getInputTensorIds([input]), 1)[0]!,
      );
    };
    expect(result([input], untyped)).toEqual([-1, -2]);
    expect(reasons[0]).toMatch(/^TensorFlow refuses the graph \(Failed to load SavedModel: .*'T'.*\)$/);
    expect(nativeBackend()!.binding).toBe(binding);
  });

  it('its function fails, and passes the failure on', () => {
    const {binding} = nativeBackend()!;
    const count = tf.variable(tf.scalar(0));
    const failing = () => {
      count.assign(tf.scalar(1));
      throw new Error('out of luck');
    };
    expect(() => calls.call([], failing)).toThrow('out of luck');
    expect(nativeBackend()!.binding).toBe(binding);
    expect(held(count)).toEqual([0]);
  });

  it('and leaves variables as the function makes them', () => {
    const total = tf.variable(tf.scalar(0));
    const noisy = () => {
      total.assign(tf.add(total, 1));
      return tf.mul(total, tf.randomUniform([1]));
    };
    for (let call = 0; call < 3; call++) result([], noisy);
    expect(held(total)).toEqual([3]);
  });
});

/** Multiplies by the same array, whose values change from call to call. */
function refilled(values: readonly number[]): (x: tf.Tensor) => tf.Tensor {
  const array = Float32Array.from(values);
  return x => {
    array[0]!++;
    return tf.mul(x, tf.tensor1d(array));
  };
}

/** Does one thing and the other, in turns. */
function alternating(
  one: (x: tf.Tensor) => tf.Tensor,
  other: (x: tf.Tensor) => tf.Tensor,
): (x: tf.Tensor) => tf.Tensor {
  let turn = 0;
  return x => (turn++ % 2 === 0 ? one : other)(x);
}

const differently = alternating(
  x => {
    const [a, b] = [tf.neg(x), tf.abs(x)];
    return tf.sub(a, b);
  },
  x => {
    const a = tf.neg(x);
    tf.abs(x);
    return tf.sub(a, x);
  },
);

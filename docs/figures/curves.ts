import * as tf from '@tensorflow/tfjs-core';
import {
  attentionLoss,
  distLoss,
  dkdLoss,
  hardLabelLoss,
  jensenShannonLoss,
  pktLoss,
  rkdLoss,
  similarityLoss,
  softLabelLoss,
  standardise,
  topKLoss,
} from 'limbeck/losses';
import {softmaxRows} from 'limbeck/metrics';
import type {Figure, Point} from './figure.ts';

/** The logits of a teacher that sees a digit: sure of 7, and of 9 and 1 sooner than of others. */
const TEACHER = [1, 3.5, 1.5, 2, 0.5, 0, -1, 8, 1, 5];
const CLASSES = TEACHER.length;

const row = (logits: readonly number[]): tf.Tensor2D => tf.tensor2d([...logits], [1, logits.length]);
const times = (factor: number): tf.Tensor2D => row(TEACHER.map(logit => logit * factor));
const from = (start: number, end: number, count = 81): number[] =>
  Array.from({length: count}, (_, index) => start + ((end - start) * index) / (count - 1));
const curve = (name: string, xs: readonly number[], value: (x: number) => number, panel?: string): Point[] =>
  xs.map(x => ({x, y: value(x), curve: name, ...(panel !== undefined && {panel})}));
const numberOf = (scalar: tf.Scalar): number => scalar.dataSync()[0]!;

export function temperature(): Figure {
  const curves = ['T = 1', 'T = 2', 'T = 4', 'T = 8'];
  const points = [1, 2, 4, 8].flatMap((T, index) => {
    const softened = softmaxRows(
      TEACHER.map(logit => logit / T),
      CLASSES,
    );
    return curve(curves[index]!, from(0, CLASSES - 1, CLASSES), digit => softened[digit]!);
  });
  const description = 'Probabilities of ten classes at temperatures 1, 2, 4 and 8: the higher, the more even.';
  return {name: 'temperature', description, x: 'class', y: 'probability', points, curves};
}

export function hardLabels(): Figure {
  const curves = ['smoothing 0', 'smoothing 0.1'];
  const points = [0, 0.1].flatMap((smoothing, index) =>
    curve(curves[index]!, from(-2, 10), margin =>
      numberOf(hardLabelLoss(tf.tensor1d([0], 'int32'), row([margin, 0, 0]), {smoothing})),
    ),
  );
  const description =
    'Cross-entropy against the margin of the label: with smoothing it has its least at a finite margin.';
  return {name: 'hard-labels', description, x: 'margin of the label over two other classes', y: 'loss', points, curves};
}

export function temperatureSquared(): Figure {
  const curves = ['with T²', 'without T²'];
  const student = row(TEACHER.map((logit, index) => logit / 2 + Math.sin(index)));
  const points = [true, false].flatMap((scaleByT2, index) =>
    curve(curves[index]!, from(1, 20), T => {
      const gradient = tf.grad(logits => softLabelLoss(times(1), logits as tf.Tensor2D, {temperature: T, scaleByT2}))(
        student,
      );
      return numberOf(tf.norm(gradient) as tf.Scalar);
    }),
  );
  const description =
    'Length of the gradient against the temperature: with T² it stays of one size, without it falls as 1 / T².';
  const axes = {x: 'temperature', y: 'length of the gradient', isLogarithmic: true};
  return {name: 'temperature-squared', description, ...axes, points, curves};
}

export function divergences(): Figure {
  const curves = ['forward KL', 'reverse KL', 'Jensen-Shannon, β = 0.5'];
  const logitsOf = (share: number) => row([Math.log(share), Math.log(1 - share)]);
  const says = logitsOf(0.7);
  const values = [
    (q: number) => softLabelLoss(says, logitsOf(q), {temperature: 1}),
    (q: number) => softLabelLoss(says, logitsOf(q), {temperature: 1, direction: 'reverse'}),
    (q: number) => jensenShannonLoss(says, logitsOf(q), {beta: 0.5}),
  ];
  const points = values.flatMap((value, index) => curve(curves[index]!, from(0.01, 0.99), q => numberOf(value(q))));
  const description =
    'Three divergences of two classes against the student’s probability. All are 0 at the teacher’s 0.7.';
  return {
    name: 'divergences',
    description,
    x: 'student’s probability (teacher: 0.7)',
    y: 'divergence, nats',
    points,
    curves,
  };
}

export function decoupled(): Figure {
  const curves = ['within soft labels', 'DKD, β = 1', 'DKD, β = 2'];
  const others = [2, 1, 0, -1];
  const at = (share: number): tf.Tensor2D => {
    const mass = others.reduce((sum, logit) => sum + Math.exp(logit), 0);
    return row([Math.log((share / (1 - share)) * mass), ...others]);
  };
  // As sure of the label as the teacher, and without an opinion on the others: all that differs is NCKD.
  const student = (share: number): tf.Tensor2D => row([Math.log((share / (1 - share)) * others.length), 0, 0, 0, 0]);
  const labels = tf.tensor1d([0], 'int32');
  const values = [
    (p: number) => softLabelLoss(at(p), student(p), {temperature: 1}),
    (p: number) => dkdLoss(at(p), student(p), labels, {temperature: 1, alpha: 1, beta: 1}),
    (p: number) => dkdLoss(at(p), student(p), labels, {temperature: 1, alpha: 1, beta: 2}),
  ];
  const points = values.flatMap((value, index) => curve(curves[index]!, from(0.2, 0.995), p => numberOf(value(p))));
  const description =
    'What a student loses that knows nothing of the other classes, against the teacher’s confidence: soft labels mute it, DKD does not.';
  return {name: 'dkd', description, x: 'teacher’s confidence', y: 'loss', points, curves};
}

export function topK(): Figure {
  const curves = ['all classes', 'top 3, fill', 'top 3, bucket', 'top 3, zero'];
  const named = tf.tensor2d([TEACHER.map(logit => (logit >= 3.5 ? 1 : 0))]);
  const filled = filledRest(named.dataSync());
  const values = [
    (scale: number) => softLabelLoss(times(1), times(scale), {temperature: 1}),
    (scale: number) => topKLoss(filled, named, times(scale), {rest: 'fill'}),
    (scale: number) => topKLoss(filled, named, times(scale), {rest: 'bucket'}),
    (scale: number) => topKLoss(filled, named, times(scale), {rest: 'zero'}),
  ];
  const points = values.flatMap((value, index) => curve(curves[index]!, from(0.5, 2), x => numberOf(value(x))));
  const description =
    'Loss against the scale of the student’s logits. Fill and bucket have their least near 1, zero further right.';
  return {name: 'top-k', description, x: 'scale of the student’s logits (teacher: 1)', y: 'loss', points, curves};
}

/** The teacher's log-probabilities with the mass of the classes not named spread evenly over them. */
function filledRest(named: ArrayLike<number>): tf.Tensor2D {
  const p = softmaxRows(TEACHER, CLASSES);
  const rest = p.reduce((sum, share, index) => sum + (named[index] ? 0 : share), 0);
  const others = CLASSES - 3;
  return row(Array.from(p, (share, index) => Math.log(named[index] ? share : rest / others)));
}

export function scale(): Figure {
  const curves = ['soft labels, T = 4', 'standardised', 'DIST'];
  const logits = tf.randomNormal([32, CLASSES], 0, 3, 'float32', 1) as tf.Tensor2D;
  const student = (factor: number): tf.Tensor2D => tf.mul(logits, factor);
  const values = [
    (factor: number) => softLabelLoss(logits, student(factor), {temperature: 4}),
    (factor: number) => softLabelLoss(standardise(logits), standardise(student(factor)), {temperature: 4}),
    (factor: number) => distLoss(logits, student(factor)),
  ];
  const points = values.flatMap((value, index) => {
    const most = numberOf(value(0.25));
    const whole = index === 1 ? numberOf(values[0]!(0.25)) : most;
    return curve(curves[index]!, from(0.25, 3), x => numberOf(value(x)) / whole);
  });
  const description =
    'Three terms against the scale of the student’s logits: standardised logits do not see it, DIST less than soft labels.';
  return {
    name: 'scale',
    description,
    x: 'scale of the student’s logits (teacher: 1)',
    y: 'loss, relative',
    points,
    curves,
  };
}

export function features(): Figure {
  const curves = ['hint without a map', 'attention transfer', 'RKD', 'similarity preserving', 'PKT'];
  const maps = tf.randomNormal([16, 4, 4, 8], 1, 1, 'float32', 2) as tf.Tensor4D;
  const noise = tf.randomNormal(maps.shape, 0, 1, 'float32', 3) as tf.Tensor4D;
  const values = [
    (changed: tf.Tensor) => tf.mean(tf.squaredDifference(maps, changed)) as tf.Scalar,
    (changed: tf.Tensor) => attentionLoss(maps, changed),
    (changed: tf.Tensor) => rkdLoss(maps, changed),
    (changed: tf.Tensor) => similarityLoss(maps, changed),
    (changed: tf.Tensor) => pktLoss(maps, changed),
  ];
  const changes: readonly (readonly [string, (amount: number) => tf.Tensor])[] = [
    ['scaled by 1 + x', amount => tf.mul(maps, 1 + amount)],
    ['rotated by x · 90°', amount => rotated(maps, (amount * Math.PI) / 2)],
    ['noise of deviation x', amount => tf.add(maps, tf.mul(noise, amount))],
  ];
  const points = values.flatMap((value, index) => {
    const strongest = numberOf(value(changes[2]![1](1)));
    return changes.flatMap(([panel, change]) =>
      curve(curves[index]!, from(0, 1, 21), x => numberOf(value(change(x))) / strongest, panel),
    );
  });
  const description =
    'Feature terms when the student’s features are scaled, rotated or noisy: relations ignore scale and rotation, a hint does not.';
  return {name: 'features', description, x: 'x', y: 'loss, relative to noise', points, curves};
}

/** Each pair of channels turned by one angle: distances and inner products stay. */
function rotated(maps: tf.Tensor4D, angle: number): tf.Tensor {
  const [one, other] = tf.split(maps, 2, -1) as [tf.Tensor, tf.Tensor];
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return tf.concat([tf.sub(tf.mul(one, cos), tf.mul(other, sin)), tf.add(tf.mul(one, sin), tf.mul(other, cos))], -1);
}

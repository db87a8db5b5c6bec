/** The process that prove.ts starts: it loads the native engine and trains a little with it. */
import {EngineError} from '../../errors.ts';
import {startNative} from '../native.ts';
import {layers, tf} from '../tf.ts';

try {
  const version = await startNative(process.argv[2]);
  trainALittle();
  process.stdout.write(version);
} catch (error) {
  // The engine's own error tells a user what to do next. Here only the reason counts.
  const reason = error instanceof EngineError ? error.cause : error;
  process.stderr.write(reason instanceof Error ? reason.message : String(reason));
  process.exitCode = 1;
}

function trainALittle(): void {
  const classifier = layers.sequential({
    layers: [
      layers.layers.conv2d({inputShape: [6, 6, 1], filters: 4, kernelSize: 3, activation: 'relu'}),
      layers.layers.flatten(),
      layers.layers.dense({units: 2}),
    ],
  });
  const images = tf.randomNormal([8, 6, 6, 1], 0, 1, 'float32', 1);
  const labels = tf.oneHot(tf.tensor1d([0, 1, 0, 1, 0, 1, 0, 1], 'int32'), 2);
  const optimizer = tf.train.adam(0.01);
  const loss = (): tf.Scalar => tf.losses.softmaxCrossEntropy(labels, classifier.apply(images) as tf.Tensor);
  const losses = Array.from({length: 20}, () => optimizer.minimize(loss, true)!.dataSync()[0]!);
  const [first, last] = [losses[0]!, losses.at(-1)!];
  if (tf.getBackend() !== 'tensorflow') throw new Error(`The backend is ${tf.getBackend()}.`);
  if (!(last < first)) throw new Error(`Training went from a loss of ${first} to ${last}.`);
}

import {existsSync} from 'node:fs';
import {createRequire} from 'node:module';
import {homedir} from 'node:os';
import {join, resolve} from 'node:path';
import {layers, tf} from '../tf.ts';

const require = createRequire(import.meta.url);

/**
 * Loads `@tensorflow/tfjs-node`: the package beside this one or, if that is missing or does not load, the one that
 * `limbeck engine install` made.
 *
 * @param folder - the only engine's folder to look in
 * @throws the error of `require`
 */
export function loadTfjsNode(folder?: string): void {
  if (folder !== undefined) {
    loadFrom(folder);
    return;
  }
  try {
    require('@tensorflow/tfjs-node');
  } catch (error) {
    const installed = engineFolder(engineRoot());
    if (!existsSync(installed)) throw error;
    loadFrom(installed);
  }
}

function loadFrom(folder: string): void {
  shareTensorFlow();
  createRequire(join(folder, 'package.json'))('@tensorflow/tfjs-node');
}

/** The source of TensorFlow.js's packages in an engine's folder: they export the TensorFlow.js of the program. */
export const SHARED_TENSORFLOW = `module.exports = globalThis[Symbol.for('limbeck.tensorflow')];\n`;

/**
 * Shares the TensorFlow.js of the program with tfjs-node. With its own copy, tfjs-node would register every gradient
 * again, over those of the program, and its kernels would miss the methods that they call on our tensors.
 */
function shareTensorFlow(): void {
  for (const [name, method] of Object.entries(METHODS)) {
    if (!(name in tf.Tensor.prototype)) Object.assign(tf.Tensor.prototype, {[name]: method});
  }
  const shared = {...layers, ...tf, version: {'tfjs-core': tf.version_core, 'tfjs-layers': layers.version_layers}};
  Object.assign(globalThis, {[Symbol.for('limbeck.tensorflow')]: shared});
}

/** The methods of tensors that kernels of tfjs-node call (ArgMax, ArgMin, Exp, Prelu), for which functions don't do. */
const METHODS = {
  add(this: tf.Tensor, other: tf.TensorLike): tf.Tensor {
    return tf.add(this, other);
  },
  sub(this: tf.Tensor, other: tf.TensorLike): tf.Tensor {
    return tf.sub(this, other);
  },
  mul(this: tf.Tensor, other: tf.TensorLike): tf.Tensor {
    return tf.mul(this, other);
  },
  toInt(this: tf.Tensor): tf.Tensor {
    return tf.cast(this, 'int32');
  },
  toFloat(this: tf.Tensor): tf.Tensor {
    return tf.cast(this, 'float32');
  },
};

/** The version of `@tensorflow/tfjs-node` that is installed. Its folder is named after it. */
export const TFJS_NODE_VERSION = '4.22.0';

/**
 * The folder for native engines: `LIMBECK_ENGINE_DIR`, or `limbeck/engine` in the user's cache (`XDG_CACHE_HOME` or
 * `~/.cache`). It belongs to the user, not to the project, so that a fresh `node_modules` finds it again.
 */
export function engineRoot(): string {
  const own = process.env['LIMBECK_ENGINE_DIR'];
  if (own) return resolve(own);
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'limbeck', 'engine');
}

/**
 * The folder of one engine. Its binding uses Node-API, so one engine serves every Node.
 *
 * @param machine - `process.platform` and `process.arch`. @default this machine's
 */
export function engineFolder(root: string, machine: string = `${process.platform}-${process.arch}`): string {
  return join(root, `tfjs-node-${TFJS_NODE_VERSION}-${machine}`);
}

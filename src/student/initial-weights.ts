import {mixSeed} from '../data/random.ts';
import {layers} from '../engine/tf.ts';

type Initializer = ReturnType<typeof layers.initializers.heNormal>;

/**
 * For layers that a ReLU follows: a truncated normal of variance 2 / inputs. He et al. (2015), Delving deep into
 * rectifiers.
 */
export function heNormal(seed: number, layer: string): Initializer {
  return layers.initializers.heNormal({seed: layerSeed(seed, layer)});
}

/** For layers without a ReLU: uniform, of variance 2 / (inputs + outputs). Glorot and Bengio (2010). */
export function glorotUniform(seed: number, layer: string): Initializer {
  return layers.initializers.glorotUniform({seed: layerSeed(seed, layer)});
}

/** TensorFlow.js treats a seed of 0 as no seed. */
function layerSeed(seed: number, layer: string): number {
  return mixSeed(seed, layer) || 1;
}

/** The parts of TensorFlow.js that the program uses. All code outside `engine/` imports them from here. */
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';

export {layers, tf};

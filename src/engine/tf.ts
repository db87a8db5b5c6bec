/** The parts of TensorFlow.js that the program uses. Everything outside `engine/` gets them from here. */
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';

export {layers, tf};

// Node reads the source of a CommonJS package that is imported once more, for the names that it exports: a third of a
// second for these three. Here it finds three names.
exports.layers = require('@tensorflow/tfjs-layers');
exports.tf = require('@tensorflow/tfjs-core');
exports.wasm = require('@tensorflow/tfjs-backend-wasm');

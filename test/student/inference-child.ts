/** Prints what a compiled resnet says of random images. */
import {startEngine} from '../../src/engine/engine.ts';
import {predictLogits} from '../../src/student/predict.ts';
import {resnetCifar} from '../../src/student/resnet-cifar.ts';
import {images, imageTask} from './examples.ts';

await startEngine();
const student = resnetCifar({depth: 20})(imageTask([16, 16, 3]), 1);
const onFallback = (reason: string): void => {
  throw new Error(reason);
};
const logits = await predictLogits(student, images(21, [16, 16, 3]), {batchSize: 8, onFallback});
process.stdout.write(JSON.stringify(Array.from(logits)));

import {mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {randomFraction, randomInteger, seededRandom} from '../../src/data/random.ts';

const SIDE = 32;

export interface CifarFilesOptions {
  /** Number of classes that have images, out of 100 names. */
  readonly classes: number;
  readonly train: number;
  readonly test: number;
  readonly seed: number;
}

/**
 * Writes a small set in the format of CIFAR-100: 100 class names, and images of some of the classes. Each class is a
 * colour and the slope of stripes, under noise and at any phase, so that a convolutional network can learn it.
 */
export function writeCifar100(folder: string, {classes, train, test, seed}: CifarFilesOptions): void {
  mkdirSync(folder, {recursive: true});
  const names = (count: number, kind: string) =>
    `${Array.from({length: count}, (_, index) => `${kind}_${index}`).join('\n')}\n`;
  writeFileSync(join(folder, 'coarse_label_names.txt'), names(20, 'superclass'));
  writeFileSync(join(folder, 'fine_label_names.txt'), names(100, 'class'));
  writeFileSync(join(folder, 'train.bin'), records({classes, count: train, seed, name: 'train'}));
  writeFileSync(join(folder, 'test.bin'), records({classes, count: test, seed, name: 'test'}));
}

interface Records {
  readonly classes: number;
  readonly count: number;
  readonly seed: number;
  readonly name: string;
}

function records({classes, count, seed, name}: Records): Buffer {
  const random = seededRandom(seed, name);
  const images = Array.from({length: count}, (_, index) => {
    const fine = index % classes;
    const phase = randomInteger(random, 0, 7);
    const planes = Array.from({length: 3 * SIDE * SIDE}, (_, position) => {
      const [channel, row, column] = [
        Math.floor(position / SIDE ** 2),
        Math.floor(position / SIDE) % SIDE,
        position % SIDE,
      ];
      const stripe = (row * (fine % 4) + column * (1 + (fine % 3)) + phase) % 8 < 4 ? 1 : 0;
      const colour = 60 + ((fine * 53 + channel * 97) % 120);
      return Math.round(colour * (0.4 + 0.6 * stripe) + 60 * randomFraction(random));
    });
    return Buffer.from([fine % 20, fine, ...planes]);
  });
  return Buffer.concat(images);
}

import {describe, expect, it} from 'vitest';
import {bytesOf, pictureOf} from '../../../src/export/browser/pixels.ts';

const grey = (...values: number[]): number[] => values.flatMap(value => [value, value, value, 255]);

describe('a picture for a student', () => {
  it('keeps every byte if it has the size that the student takes', () => {
    const values = Array.from({length: 12}, (_, index) => (index * 23) % 256);
    const shape = {height: 3, width: 4, channels: 1} as const;
    expect([...bytesOf({width: 4, height: 3, data: grey(...values)}, shape, false)]).toEqual(values);
  });

  it('takes the mean of the pixels that a smaller one covers, in part where a border cuts them', () => {
    const data = grey(0, 90, 240);
    expect([...bytesOf({width: 3, height: 1, data}, {height: 1, width: 1, channels: 1}, false)]).toEqual([90]);
    const twice = {width: 3, height: 2, data: [...data, ...data]};
    const expected = [(0 + 90 / 2) / 1.5, (240 + 90 / 2) / 1.5].map(Math.round);
    expect([...bytesOf(twice, {height: 1, width: 2, channels: 1}, false)]).toEqual(expected);
  });

  it('cuts the middle out of a wide and of a high one', () => {
    const shape = {height: 1, width: 1, channels: 1} as const;
    expect([...bytesOf({width: 5, height: 1, data: grey(1, 2, 3, 4, 5)}, shape, false)]).toEqual([3]);
    expect([...bytesOf({width: 1, height: 5, data: grey(1, 2, 3, 4, 5)}, shape, false)]).toEqual([3]);
  });

  it('makes more of a small one', () => {
    const shape = {height: 2, width: 4, channels: 1} as const;
    expect([...bytesOf({width: 2, height: 1, data: grey(7, 9)}, shape, false)]).toEqual([7, 7, 9, 9, 7, 7, 9, 9]);
  });

  it('weighs colours into one channel, and keeps three', () => {
    const data = [255, 0, 0, 255, 0, 0, 255, 255];
    const pixels = {width: 2, height: 1, data};
    expect([...bytesOf(pixels, {height: 1, width: 2, channels: 1}, false)]).toEqual([76, 29]);
    expect([...bytesOf(pixels, {height: 1, width: 2, channels: 3}, false)]).toEqual([255, 0, 0, 0, 0, 255]);
  });

  it('has a white background if it is transparent, unless the student sees transparency', () => {
    const pixels = {width: 1, height: 1, data: [0, 0, 0, 51]};
    expect([...bytesOf(pixels, {height: 1, width: 1, channels: 1}, false)]).toEqual([204]);
    expect([...bytesOf(pixels, {height: 1, width: 1, channels: 4}, false)]).toEqual([0, 0, 0, 51]);
  });

  it('is inverted in its colours, not in how transparent it is', () => {
    const pixels = {width: 1, height: 1, data: [255, 0, 10, 51]};
    expect([...bytesOf(pixels, {height: 1, width: 1, channels: 4}, true)]).toEqual([0, 255, 245, 51]);
  });

  it('shows people what the student sees', () => {
    expect([...pictureOf(Uint8Array.of(5, 6), {height: 1, width: 2, channels: 1})]).toEqual(grey(5, 6));
    expect([...pictureOf(Uint8Array.of(1, 2, 3), {height: 1, width: 1, channels: 3})]).toEqual([1, 2, 3, 255]);
    expect([...pictureOf(Uint8Array.of(1, 2, 3, 4), {height: 1, width: 1, channels: 4})]).toEqual([1, 2, 3, 4]);
  });
});

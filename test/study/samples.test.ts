import {inflateSync} from 'node:zlib';
import {parseHTML} from 'linkedom';
import {describe, expect, it} from 'vitest';
import type {Inputs} from '../../src/data/inputs.ts';
import {renderReport} from '../../src/study/report/page.ts';
import {encodePng, MOST_SAMPLES} from '../../src/study/samples.ts';
import {sampleResults} from './sample-results.ts';
import {drawnSamples} from './sample-samples.ts';

describe('samplesOf', () => {
  it('puts the inputs first on which students differ from the teacher and from each other', async () => {
    const samples = await drawnSamples({
      inputs: texts(4),
      named: [
        [0, 0],
        [1, 1],
        [2, 1],
        [0, 0],
      ],
      teacher: [0, 1, 0, 1],
    });
    // Input 2: both differ, and from each other; input 3: both differ, alike.
    expect(samples.inputs.map(({index}) => index).slice(0, 2)).toEqual([2, 3]);
    const [first] = samples.inputs;
    expect(first!.teacher).toEqual({label: 0, confidence: undefined});
    expect(first!.students.map(({label}) => label)).toEqual([2, 1]);
    expect(first!.students[0]!.confidence).toBeCloseTo(Math.exp(3) / (Math.exp(3) + 2), 5);
    expect(samples.total).toBe(4);
  });

  it('takes 200 inputs at most, and some of each class though all agree there', async () => {
    const named = Array.from({length: 1000}, (_, index) => (index < 990 ? [1, 1] : [2, 2]));
    const teacher = Array.from({length: 1000}, (_, index) => (index < 990 ? 0 : 2));
    const {inputs, total} = await drawnSamples({inputs: texts(1000), named, teacher});
    expect([inputs.length, total]).toEqual([MOST_SAMPLES, 1000]);
    expect(inputs.filter(({truth}) => truth === 2)).toHaveLength(10);
    expect(inputs.at(-1)!.truth).toBe(2);
  });

  it('has inputs on which one method alone differs, beside many on which all do', async () => {
    const named = Array.from({length: 1000}, (_, index) => (index < 990 ? [1, 2] : [0, 2]));
    const {inputs} = await drawnSamples({inputs: texts(1000), named, teacher: Array(1000).fill(0)});
    expect(inputs.filter(({students: [first]}) => first!.label === 0)).toHaveLength(10);
  });

  it('takes fewer inputs if they are large', async () => {
    const random = Uint8Array.from({length: 300 * 64 * 64 * 3}, (_, index) => (index * index * 2_654_435_761) >>> 13);
    const inputs: Inputs = {kind: 'tensor', dtype: 'uint8', shape: [64, 64, 3], count: 300, data: random};
    const samples = await drawnSamples({inputs, named: Array(300).fill([0, 1]), teacher: Array(300).fill(0)});
    expect(samples.inputs.length).toBeGreaterThan(40);
    expect(JSON.stringify(samples).length).toBeLessThan(1_050_000);
  });

  it('cuts long texts, and shows vectors as their first numbers', async () => {
    const long = {kind: 'text', count: 1, texts: [`${'é'.repeat(700)}`]} as const;
    const [text] = (await drawnSamples({inputs: long, named: [[0, 1]], teacher: [0]})).inputs;
    expect(text!.input).toEqual({kind: 'text', text: `${'é'.repeat(600)}…`});
    const data = Float32Array.from({length: 100}, (_, index) => index / 2);
    const vector: Inputs = {kind: 'tensor', dtype: 'float32', shape: [100], count: 1, data};
    const [numbers] = (await drawnSamples({inputs: vector, named: [[0, 1]], teacher: [0]})).inputs;
    expect(numbers!.input).toEqual({kind: 'numbers', values: Array.from(data.subarray(0, 60)), total: 100});
  });

  it('shows pixels of floats on one scale, and large images with every n-th pixel', async () => {
    const data = Float32Array.from({length: 2 * 100 * 80}, (_, index) => (index % 80) / 79 - 0.5);
    const inputs: Inputs = {kind: 'tensor', dtype: 'float32', shape: [100, 80, 1], count: 2, data};
    const {input} = (
      await drawnSamples({
        inputs,
        named: [
          [0, 1],
          [0, 0],
        ],
        teacher: [0, 0],
      })
    ).inputs[0]!;
    if (input.kind !== 'image') throw new Error('Expected an image.');
    expect([input.width, input.height]).toEqual([40, 50]);
    const row = pixelsOf(input.url).subarray(1, 41);
    expect([row[0], row[20], row[39]]).toEqual([0, Math.round((255 * 40) / 79), Math.round((255 * 78) / 79)]);
  });
});

describe('encodePng', () => {
  it('writes a header, one block of rows and an end, each with its checksum', () => {
    const png = encodePng({width: 2, height: 1, channels: 3, data: Uint8Array.from([1, 2, 3, 4, 5, 6])});
    expect(png.subarray(0, 8).toString('latin1')).toBe('\x89PNG\r\n\x1a\n');
    expect(png.subarray(12, 16).toString('latin1')).toBe('IHDR');
    expect([...png.subarray(16, 29)]).toEqual([0, 0, 0, 2, 0, 0, 0, 1, 8, 2, 0, 0, 0]);
    // The last block is the same in every PNG file.
    expect(png.subarray(-12).toString('hex')).toBe('0000000049454e44ae426082');
  });
});

describe('the samples of a report', async () => {
  const results = sampleResults();
  const samples = await drawnSamples({
    inputs: {...texts(3), texts: ['<b>one</b>', 'two', 'zebra']},
    named: [
      [0, 0, 0, 0, 4],
      [1, 1, 1, 1, 1],
      [2, 2, 3, 2, 2],
    ],
    teacher: [0, 1, 2],
    results,
  });
  const page = parseHTML(renderReport(results, samples)).document;

  it('are linked from each method and each of its classes that has some', () => {
    const links = [...page.querySelectorAll('#numbers a, #classes a')]
      .map(link => [link.textContent, link.getAttribute('href')])
      .filter(([, href]) => href?.startsWith('#samples'));
    expect(links).toContainEqual(['1 sample', '#samples-4-all']);
    expect(links).toContainEqual(['1 sample', '#samples-2-2']);
    expect(links.filter(([, href]) => href?.startsWith('#samples-0-'))).toEqual([]);
    for (const [, href] of links) expect(page.getElementById(href!.slice(1))).not.toBeNull();
  });

  it('say how many of how many there are, escape texts, and mark what differs', () => {
    const section = page.getElementById('samples')!;
    expect(section.textContent).toContain('3 of 3 test inputs');
    expect(section.querySelectorAll('.sample')).toHaveLength(3);
    expect(section.querySelector('.sample-text b')).toBeNull();
    expect(section.textContent).toContain('<b>one</b>');
    expect(section.querySelectorAll('.differs-4')).toHaveLength(1);
    expect(section.querySelector('.differs-4 .worse')!.textContent).toBe('≠ 4');
    expect(page.getElementById('results')!.textContent).not.toContain('zebra');
  });
});

function texts(count: number): Inputs & {readonly kind: 'text'} {
  return {kind: 'text', count, texts: Array.from({length: count}, (_, index) => `text ${index}`)};
}

/** The rows of a PNG file in a data URL, each after the number of its filter. */
function pixelsOf(url: string): Buffer {
  const png = Buffer.from(url.slice(url.indexOf(',') + 1), 'base64');
  const length = png.readUInt32BE(33);
  return inflateSync(png.subarray(41, 41 + length));
}

import {describe, expect, it} from 'vitest';
import {LineSplitter, lineOf} from '../../../adapters/_command/processes.ts';

describe('a line for a program', () => {
  it('holds nothing at which any language ends a line, and reads as what it was', () => {
    const query = {text: 'one\u2028two\u2029three\u0085four\nfive\rsix\vseven\feight\u001cnine'};
    const line = lineOf(query);
    expect(line.endsWith('\n')).toBe(true);
    const ends = '\n\r\v\f\u001c\u001d\u001e\u0085\u2028\u2029';
    expect([...line.slice(0, -1)].filter(character => ends.includes(character))).toEqual([]);
    expect(JSON.parse(line)).toEqual(query);
  });
});

describe('lines of a program', () => {
  it('end at line feeds alone, however they come in pieces', () => {
    const splitter = new LineSplitter(20);
    expect(['a', 'b\r\nc\u2028d\n', '\ne'].map(piece => splitter.push(piece))).toEqual([[], ['ab', 'c\u2028d'], ['']]);
  });

  it('are no longer than the limit', () => {
    expect(new LineSplitter(3).push('abc\n')).toEqual(['abc']);
    expect(new LineSplitter(3).push('abcd\n')).toBeUndefined();
    expect(new LineSplitter(3).push('abcd')).toBeUndefined();
  });
});

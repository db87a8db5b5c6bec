import {describe, expect, it} from 'vitest';
import {oneLine} from '../../src/ask/notes.ts';

describe('oneLine', () => {
  it('puts a text in one line, without control characters', () => {
    expect(oneLine('  a\u001b[31m\tred\r\n\nword \u202e')).toBe('a [31m red word');
  });

  it('shows up to 60 characters, and marks a longer text', () => {
    expect(oneLine('x'.repeat(60))).toBe('x'.repeat(60));
    expect(oneLine('x'.repeat(61))).toBe(`${'x'.repeat(59)}…`);
  });

  it('counts characters, and cuts none in two', () => {
    expect(oneLine('😀'.repeat(61))).toBe(`${'😀'.repeat(59)}…`);
  });
});

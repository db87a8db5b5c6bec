import {describe, expect, it} from 'vitest';
import {CircuitBreaker} from '../../src/serve/teacher-gateway.ts';

describe('Rest', () => {
  it('begins at the fifth failure in a row and lasts 30 seconds', () => {
    const clock = {now: 0};
    const rest = new CircuitBreaker(() => clock.now);
    for (let index = 0; index < 4; index++) rest.failed();
    rest.answered();
    for (let index = 0; index < 4; index++) rest.failed();
    expect(rest.isOpen).toBe(false);
    rest.failed();
    expect(rest.isOpen).toBe(true);
    clock.now = 29_999;
    expect(rest.isOpen).toBe(true);
    clock.now = 30_000;
    expect(rest.isOpen).toBe(false);
  });

  it('begins anew at the first failure after it, and not after an answer', () => {
    const clock = {now: 0};
    const rest = new CircuitBreaker(() => clock.now);
    for (let index = 0; index < 5; index++) rest.failed();
    clock.now = 40_000;
    rest.failed();
    expect(rest.isOpen).toBe(true);
    clock.now = 80_000;
    rest.answered();
    rest.failed();
    expect(rest.isOpen).toBe(false);
  });
});

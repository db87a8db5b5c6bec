import {beforeEach} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';

const {name, reason} = await startEngine();

/** Skips the tests of a file or block with a reason if the native engine does not run. */
export function needsNativeEngine(): void {
  beforeEach(context => {
    context.skip(name !== 'native', `needs the native engine, and ${name} runs: ${reason}`);
  });
}

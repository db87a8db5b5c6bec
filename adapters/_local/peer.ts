import {loadPeer as load} from '../../src/student/peer.ts';

/**
 * Loads a package that only some adapters need and that is not installed with limbeck.
 *
 * @typeParam T - what the adapter uses of the package
 * @throws InputError where it isn't installed, or does not load here
 */
export function loadPeer<T>(name: string, adapter: string): Promise<T> {
  return load<T>(name, `The adapter ${adapter}`);
}

import {loadPeer as load} from '../../src/peer.ts';

/**
 * Loads a package that is needed only by some adapters and is not installed with limbeck.
 *
 * @typeParam T - the part of the package that the adapter uses
 * @throws InputError if it is not installed, or can't be loaded
 */
export function loadPeer<T>(name: string, adapter: string): Promise<T> {
  return load<T>(name, `The adapter ${adapter}`);
}

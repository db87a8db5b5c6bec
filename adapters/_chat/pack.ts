import {hash} from 'node:crypto';
import {InputError} from '../../src/errors.ts';
import {kinds, type Shape} from '../../src/options.ts';
import type {Packing} from '../../src/service-features.ts';
import type {Reply} from '../../src/teacher.ts';
import {WholeReply} from '../_wire/reply.ts';

/** Several inputs in one request: its options, and what is noted of it in its reply. */

export interface PackOptions {
  /**
   * The most inputs in one request, from 1 to 64. The model answers with a JSON object that has a field for each. Inputs
   * of one request can influence each other. `auto`: the most for which `limbeck probe` has shown `packAgreement`; until
   * then each input is asked about alone.
   *
   * @default 1: each is asked about alone
   */
  readonly pack?: number | 'auto';
  /**
   * With `pack`: if false, answers have the keys of `pack: 1`, so that answers of both are shared. Set it only if you know
   * that packing changes no more labels than asking again does. Not allowed with `log-probabilities`.
   *
   * @default true: the size of the pack is part of the key of an answer
   */
  readonly packMatters?: boolean;
  /**
   * With `pack`: the least share of labels that must be the same packed as alone, for example 0.98. No run asks before
   * `limbeck probe` has shown it, with 95 % confidence.
   *
   * @default packing is not checked; 0.98 with `pack: 'auto'`
   */
  readonly packAgreement?: number;
}

export const PACK_KINDS: Shape<PackOptions> = {
  pack: kinds.textOrNumber,
  packMatters: kinds.flag,
  packAgreement: kinds.number,
};

const MOST = 64;

/** The sizes that a probe tries of `pack: 'auto'`. */
const CHOICES: readonly number[] = [4, 8, 16, 32, MOST];

const AGREEMENT = 0.98;

/** What the options of packs say, beside the size; see `Packing`. */
export function packingBy({pack, packAgreement}: PackOptions): Omit<Packing, 'size' | 'at'> {
  if (pack !== 'auto') return {agreement: packAgreement, positionsIn};
  return {agreement: packAgreement ?? AGREEMENT, choices: CHOICES, positionsIn};
}

/**
 * Returns the size of packs; 1 if inputs are asked about alone, or the size is not chosen yet.
 *
 * @throws InputError if the options can't be used
 */
export function packSizeOf({
  pack = 1,
  packMatters = true,
  packAgreement,
  output,
}: PackOptions & {readonly output: string}): number {
  const size = pack === 'auto' ? 1 : pack;
  if (!Number.isInteger(size) || size < 1 || size > MOST) {
    throw new InputError(`Expected \`pack\` to be 'auto' or a whole number from 1 to ${MOST}, got ${pack}.`);
  }
  if (packAgreement !== undefined && !(packAgreement > 0 && packAgreement < 1)) {
    throw new InputError(`Expected \`packAgreement\` to be a share between 0 and 1, got ${packAgreement}.`);
  }
  if (pack !== 1 && !packMatters && output === 'log-probabilities') {
    throw new InputError(
      'Log-probabilities of a packed answer are not those of one alone. Leave `packMatters` out, or read labels.',
    );
  }
  return size;
}

/**
 * The id of each position in a request. A running number would invite a model to count on instead of looking at the
 * inputs, and a shift by one would go unseen. The ids are the same in every request, because services keep a schema, and
 * what stands before the inputs, for the next one. Three digits are one token of common tokenizers; the letter keeps the
 * fields in order, because programs sort fields that are numbers.
 */
export const PACK_IDS: readonly string[] = idsOf(MOST);

function idsOf(count: number): readonly string[] {
  const ids = new Set<string>();
  for (let draw = 0; ids.size < count; draw++) {
    const number = Number.parseInt(hash('sha256', `pack ${draw}`).slice(0, 8), 16);
    ids.add(`q${String(number % 1000).padStart(3, '0')}`);
  }
  return [...ids];
}

/**
 * Draws the position of each input in its request, by a seed that comes from all of them: the same inputs are in the same
 * order, whatever order they are given in.
 *
 * @param contents - the inputs as texts
 */
export function drawPositions(contents: readonly string[]): readonly number[] {
  const hashes = contents.map(content => hash('sha256', content));
  const seed = hash('sha256', hashes.toSorted().join());
  const draws = hashes.map((content, row) => ({row, draw: hash('sha256', `${seed} ${content}`)}));
  const drawn = draws.toSorted((one, other) => (one.draw < other.draw ? -1 : one.draw > other.draw ? 1 : 0));
  const positions = new Array<number>(contents.length);
  for (const [position, {row}] of drawn.entries()) positions[row] = position;
  return positions;
}

const NOTE = 'limbeck-pack';

/** Notes the positions of the queries in a reply, so that it can be read again. */
export function withPositions({status, headers, body}: Reply, positions: readonly number[]): Reply {
  return new WholeReply(status, {...headers, ...positionsNote(positions)}, body);
}

/** The header that notes the positions of a request's queries, in their order. */
export function positionsNote(positions: readonly number[]): Reply['headers'] {
  return {[NOTE]: positions.join()};
}

/** Returns the positions of the queries that a reply is about; undefined if it is about one input without an id. */
export function positionsIn({headers}: Reply): readonly number[] | undefined {
  const noted = headers[NOTE];
  return noted === undefined ? undefined : String(noted).split(',').map(Number);
}

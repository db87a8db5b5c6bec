import {mixSeed} from '../random.ts';
import {finished} from './shingles.ts';

/** Number of values in a signature. */
const BINS = 128;

/** The bands of a signature. */
export interface Banding {
  readonly bands: number;
  /** Number of values in a band. */
  readonly rows: number;
}

/** Largest share of the pairs at the threshold that is missed. */
const MISSED = 0.001;

/**
 * The longest bands that find all but a thousandth of the pairs at the threshold. Two signatures agree in a value with
 * probability s, the share of shingles that both have, so they agree in some band with probability
 * 1 - (1 - s^rows)^bands.
 */
export function bandingFor(threshold: number): Banding {
  let best: Banding = {bands: BINS, rows: 1};
  for (let rows = 1; rows <= BINS; rows++) {
    const bands = Math.floor(BINS / rows);
    if ((1 - threshold ** rows) ** bands > MISSED) break;
    best = {bands, rows};
  }
  return best;
}

/**
 * Signatures of sets of hashes by one permutation (Li, Owen and Zhang, 2012, One permutation hashing). Empty bins are
 * filled from others (Shrivastava, 2017, Optimal densification for fast and accurate minwise hashing). It looks at each
 * hash once, however long the signature is.
 */
export class MinHash {
  private readonly banding: Banding;
  private readonly seed: number;
  private readonly values = new Uint32Array(BINS);
  private readonly filled = new Uint32Array(BINS);
  private readonly keys: Uint32Array;

  constructor(banding: Banding, seed: number) {
    this.banding = banding;
    this.seed = mixSeed(seed, 'min-hash');
    this.keys = new Uint32Array(banding.bands);
  }

  /** A key for each band of the signature. Similar sets share a key. The result is valid until the next call. */
  bandsOf(hashes: Uint32Array): Uint32Array {
    const {bands, rows} = this.banding;
    const signature = this.signatureOf(hashes);
    for (let band = 0; band < bands; band++) {
      let key = finished(this.seed + band);
      for (let row = band * rows; row < (band + 1) * rows; row++) key = finished(key ^ signature[row]!) + row;
      this.keys[band] = key;
    }
    return this.keys;
  }

  private signatureOf(hashes: Uint32Array): Uint32Array {
    const {values, filled} = this;
    values.fill(EMPTY);
    for (const hash of hashes) {
      const bin = hash % BINS;
      const value = hash >>> 7;
      if (value < values[bin]!) values[bin] = value;
    }
    for (let bin = 0; bin < BINS; bin++) {
      let from = bin;
      for (let attempt = 1; values[from] === EMPTY; attempt++) {
        from = finished(this.seed ^ Math.imul(bin + 1, 0x9e3779b1) ^ Math.imul(attempt, 0x85ebca77)) % BINS;
      }
      filled[bin] = values[from]!;
    }
    return filled;
  }
}

const EMPTY = 0xffffffff;

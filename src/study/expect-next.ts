import {bucketReader, type NgramReading} from '../data/hashed-reading.ts';
import {mixSeed, shuffledIndices} from '../data/random.ts';
import {countOf, readFirstVersions} from '../knowledge/knowledge.ts';
import {targetsOf} from '../losses/targets.ts';
import {nestedParts} from '../select/nested-parts.ts';
import {type NextAnswers, nextAnswers} from '../select/next-answers.ts';
import type {TaughtMethod} from './methods.ts';

/** What further answers are expected to buy a method, and by which learning curve. */
export interface ExpectedNext extends NextAnswers {
  /** The encoder on whose vectors the classifier of the curve worked; absent if it counted words and characters. */
  readonly encoder?: string | undefined;
}

/** Makes vectors of texts, each of length 1. */
export interface TextVectors {
  /** Name of the encoder. */
  readonly encoder: string;
  /** Length of a vector. */
  readonly width: number;
  /** Texts that say what each class is about, one a class. Each counts as an example of its class. */
  readonly names: readonly string[];
  /** @returns [texts, width] */
  readonly of: (texts: readonly string[]) => Promise<Float32Array>;
}

/** Number of further answers. If there are fewer so far, it is as many as there are. */
const MORE = 500;
/** The most answers that the curve is drawn through. With more, it would take long. */
const MOST = 750;
const COUNTED: NgramReading = {kind: 'n-grams', buckets: 2 ** 14, words: 1, characters: [3, 4], length: 2000};
/** How fast likeness falls with distance on the unit sphere. */
const FALL = 4;

/**
 * Estimates what further answers buy, by a learning curve over nested parts of the answers so far. The test split takes no
 * part. The classifier of the curve is not the student: it is one that learns in a moment from the same texts, and whose
 * curve is like the student's.
 *
 * @param vectors - of the assistant that teaches the student, if there is one
 * @returns undefined if the inputs are no texts, if they were chosen and so do not stand for further ones, if nobody was
 * asked, or if the answers are too few
 */
export async function expectNext(
  {knowledge, allAnswers = knowledge, select}: TaughtMethod,
  seed: number,
  vectors: TextVectors | undefined,
): Promise<ExpectedNext | undefined> {
  const {versions = 1, classes, source} = knowledge;
  if (source.access === 'truth' || select !== undefined) return undefined;
  const [now, all] = [countOf(knowledge) / versions, countOf(allAnswers) / versions];
  const some = shuffledIndices(now, seed, 'answers for a learning curve').subarray(0, MOST);
  const {inputs, answers} = await readFirstVersions(knowledge, some);
  if (inputs.kind !== 'text') return undefined;
  const labels = [...targetsOf(answers, classes.length).labels];
  const names = vectors?.names ?? [];
  const parts = nestedParts(
    {
      likeness: vectors
        ? byVectors(vectors.width, await vectors.of([...names, ...inputs.texts]))
        : byCounts(inputs.texts),
      labels: [...names.keys(), ...labels],
      classes: classes.length,
      given: names.length,
    },
    mixSeed(seed, 'expect next'),
  );
  if (parts === undefined) return undefined;
  const answersMore = Math.min(MORE, all);
  // Of further answers, as many calibrate as of those so far.
  const more = (answersMore * now) / all;
  const expected = nextAnswers(parts, {now, more, given: names.length, seed});
  return {...expected, answers: answersMore, ...(vectors && {encoder: vectors.encoder})};
}

/** The cosine of two texts as sets of buckets. */
function byCounts(texts: readonly string[]): Float64Array {
  const sets = texts.map(bucketReader(COUNTED));
  const isIn = new Uint8Array(COUNTED.buckets);
  return likenesses(texts.length, one => {
    const own = sets[one]!;
    isIn.fill(0);
    for (const bucket of own) isIn[bucket] = 1;
    return other => {
      let shared = 0;
      for (const bucket of sets[other]!) shared += isIn[bucket]!;
      return shared === 0 ? 0 : shared / Math.sqrt(own.length * sets[other]!.length);
    };
  });
}

/** A Gaussian kernel of vectors of length 1. */
function byVectors(width: number, rows: Float32Array): Float64Array {
  return likenesses(rows.length / width, one => other => {
    let cosine = 0;
    for (let axis = 0; axis < width; axis++) cosine += rows[one * width + axis]! * rows[other * width + axis]!;
    return Math.exp(FALL * (cosine - 1));
  });
}

/** [count, count], with 1 on the diagonal. */
function likenesses(count: number, likenessTo: (one: number) => (other: number) => number): Float64Array {
  const all = new Float64Array(count * count);
  for (let one = 0; one < count; one++) {
    all[one * count + one] = 1;
    const to = likenessTo(one);
    for (let other = 0; other < one; other++) all[one * count + other] = all[other * count + one] = to(other);
  }
  return all;
}

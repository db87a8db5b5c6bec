import {randomInteger, randomNormal, seededRandom} from '../../src/data/random.ts';
import {vectorCosine} from '../../src/losses/vector-losses.ts';
import type {Recipe} from '../../src/recipe/recipe.ts';
import {hashedNgrams} from '../../src/student/hashed-ngrams.ts';
import {withVectors} from '../../src/student/vectors.ts';
import type {Outcome, Price, Teacher} from '../../src/teacher.ts';
import {adam} from '../../src/train/optimizer.ts';
import {asInputs} from './film-texts.ts';

/** A task so small that a study of it takes a moment: the vector of a text is the sum of those of its words. */
export const dimensions = 6;

const words = ['ask', 'bill', 'card', 'day', 'early', 'fee', 'gift', 'home', 'item', 'join', 'key', 'late'];
const random = seededRandom(1, 'vectors of words');
const vectorsOfWords = new Map(words.map(word => [word, Array.from({length: dimensions}, () => randomNormal(random))]));

/** Texts of three words, no two alike. */
export function texts(count: number, seed: number): readonly string[] {
  const drawn = seededRandom(seed, 'texts');
  const found = new Set<string>();
  while (found.size < count) {
    found.add(Array.from({length: 3}, () => words[randomInteger(drawn, 0, words.length - 1)]!).join(' '));
  }
  return [...found];
}

export function vectorOf(text: string): Float32Array {
  const vector = new Float32Array(dimensions);
  for (const word of text.split(' ')) {
    for (const [at, value] of vectorsOfWords.get(word)!.entries()) vector[at]! += value;
  }
  return vector;
}

/** An embedding model that remembers what it is asked; with a price it is one of a service. */
export function embeddingTeacher(price?: Price): Teacher<'gray-box'> & {readonly asked: string[]} {
  const asked: string[] = [];
  const teacher: Teacher<'gray-box'> = {
    name: 'sum of words',
    identity: {adapter: 'sum of words', price: price !== undefined},
    access: 'gray-box',
    classes: [],
    detail: {kind: 'vector'},
    maxBatch: 10,
    ask: async queries =>
      queries.map(({input}): Outcome<'gray-box'> => {
        if (input.kind !== 'text') throw new TypeError('Expected texts.');
        asked.push(input.text);
        return {answer: {kind: 'vector', values: vectorOf(input.text)}};
      }),
  };
  if (price === undefined) return {...teacher, asked};
  return {...teacher, asked, service: {account: 'sums', reader: 1, read: () => [], price}};
}

/** A recipe whose teacher gives vectors. */
export function embeddingRecipe(teacher: Teacher<'gray-box'>, changes: Partial<Recipe> = {}): Recipe {
  const [train, test] = [texts(120, 1), texts(40, 2)];
  return {
    name: 'sums',
    data: () => ({
      classes: [],
      train: {role: 'train', inputs: asInputs(train)},
      test: {role: 'test', inputs: asInputs(test.filter(text => !train.includes(text)))},
    }),
    transfer: {size: 100},
    teachers: {'gray-box': () => teacher},
    student: withVectors(hashedNgrams({units: [], buckets: 256, characters: [0, 0]}), dimensions),
    methods: [{level: 'gray-box', method: 'cosine', losses: [vectorCosine()]}],
    seeds: [1],
    training: {steps: 120, batchSize: 20, optimizer: adam({learningRate: 0.05})},
    ...changes,
  };
}

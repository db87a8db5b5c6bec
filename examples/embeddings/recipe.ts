import {defineRecipe, type Recipe, type UnlabelledDataset} from 'limbeck';
import {encoder} from 'limbeck/adapters/encoder';
import {similarityKl, vectorCosine} from 'limbeck/losses';
import {hashedNgrams, withVectors} from 'limbeck/students';
import {readMails} from '../spam/mails.ts';

/** The subjects of mails, each once: 500 to measure with, all others to ask about. */
function subjects(): UnlabelledDataset {
  const lines = readMails().map(({text}) =>
    text
      .split('\n', 1)[0]!
      .replace(/^(?:(?:re|fwd?):\s*)+/i, '')
      .trim(),
  );
  const texts = [...new Set(lines)].filter(line => line !== '');
  const inputsOf = (some: readonly string[]) => ({kind: 'text', count: some.length, texts: some}) as const;
  const step = Math.floor(texts.length / 500);
  const isTest = (index: number) => index % step === 0 && index < 500 * step;
  return {
    classes: [],
    train: {role: 'train', inputs: inputsOf(texts.filter((_, index) => !isTest(index)))},
    test: {role: 'test', inputs: inputsOf(texts.filter((_, index) => isTest(index)))},
  };
}

const recipe: Recipe<UnlabelledDataset> = defineRecipe({
  name: 'embeddings',
  data: subjects,
  transfer: {size: 2500, seed: 1},
  // A local encoder stands for a hosted embedding model: replace it with `embeddings({model: 'NAME', dimensions: 384})`.
  teachers: {'gray-box': () => encoder({model: 'all-minilm-l6-v2'})},
  student: withVectors(hashedNgrams({units: []}), 384),
  methods: [
    {level: 'gray-box', method: 'cosine', losses: [vectorCosine()]},
    {level: 'gray-box', method: 'cosine, cuts', losses: [vectorCosine({cuts: [64, 128]})]},
    {level: 'gray-box', method: 'cosine and neighbours', losses: [vectorCosine(), similarityKl({weight: 0.1})]},
  ],
  seeds: [1, 2, 3],
});

export default recipe;

import {asSplit, defineRecipe, type Examples, hashedNgrams, softLabels} from 'limbeck';
import {openInference} from 'limbeck/adapters/open-inference';

const {BENCH_URL = 'http://127.0.0.1:9', BENCH_INPUTS = '1000', BENCH_CONCURRENCY = '16'} = process.env;
const classes = Array.from({length: 10}, (_, index) => `class ${index}`);
const count = Number(BENCH_INPUTS);

/** Different texts, each with its number. */
function examples(size: number, first = 0): Examples {
  const texts = Array.from({length: size}, (_, index) => `What is this, and what is it for? Number ${first + index}.`);
  return {
    inputs: {kind: 'text', count: size, texts},
    labels: Int32Array.from({length: size}, (_, index) => index % 10),
  };
}

/** A service of the benchmarks: the instant one, or the counting one. */
export const teacher = openInference({
  url: BENCH_URL,
  service: 'bench',
  model: 'bench',
  version: '1',
  classes,
  output: {logProbabilities: 'log_probabilities'},
  concurrency: Number(BENCH_CONCURRENCY),
});

export default defineRecipe({
  name: 'scale',
  data: () => ({
    classes,
    train: asSplit('train', examples(count)),
    validation: asSplit('validation', examples(3, count)),
    test: asSplit('test', examples(3, count + 3)),
  }),
  transfer: {size: count},
  teachers: {'gray-box': () => teacher},
  student: hashedNgrams(),
  methods: [{level: 'gray-box', method: 'log-probabilities', losses: [softLabels()]}],
  seeds: [1],
  training: {epochs: 1},
});

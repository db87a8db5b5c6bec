import {asSplit, defineRecipe, type Examples, hashedNgrams, softLabels} from 'limbeck';
import {openInference} from 'limbeck/adapters/open-inference';

/** The recipe that the benchmarks of scale label: SCALE_TEXTS texts with numbers, answered by the counting service. */
const {SCALE_URL = 'http://127.0.0.1:9', SCALE_TEXTS = '1000', SCALE_CONCURRENCY = '16', SCALE_RATE} = process.env;
const classes = ['one', 'two', 'three', 'four'];

function examples(count: number, first = 0): Examples {
  const texts = Array.from({length: count}, (_, index) => `What is this, and what is it for? Number ${first + index}.`);
  return {inputs: {kind: 'text', count, texts}, labels: Int32Array.from({length: count}, (_, index) => index % 4)};
}

export const teacher = openInference({
  url: SCALE_URL,
  service: 'counting',
  model: 'counting',
  version: '1',
  classes,
  output: {logProbabilities: 'log_probabilities'},
  maxBatch: 1,
  concurrency: Number(SCALE_CONCURRENCY),
  ...(SCALE_RATE && {rate: {requestsPerMinute: Number(SCALE_RATE)}}),
});

export default defineRecipe({
  name: 'counted',
  data: () => ({
    classes,
    train: asSplit('train', examples(Number(SCALE_TEXTS))),
    validation: asSplit('validation', examples(3, Number(SCALE_TEXTS))),
    test: asSplit('test', examples(3, Number(SCALE_TEXTS) + 3)),
  }),
  transfer: {size: Number(SCALE_TEXTS)},
  teachers: {'gray-box': () => teacher},
  student: hashedNgrams(),
  methods: [{level: 'gray-box', method: 'log-probabilities', losses: [softLabels()]}],
  seeds: [1],
  training: {epochs: 1},
});

import {asSplit, defineRecipe, type Examples, hashedNgrams, softLabels} from 'limbeck';
import {openInference} from 'limbeck/adapters/open-inference';

const {BENCH_URL, BENCH_INPUTS, BENCH_CONCURRENCY} = process.env;
const classes = Array.from({length: 10}, (_, index) => `class ${index}`);
const count = Number(BENCH_INPUTS ?? 1000);

function examples(size: number): Examples {
  const texts = Array.from({length: size}, (_, index) => `What is this, and what is it for? Number ${index}.`);
  return {
    inputs: {kind: 'text', count: size, texts},
    labels: Int32Array.from({length: size}, (_, index) => index % 10),
  };
}

/** The instant service as a teacher. */
export default defineRecipe({
  name: 'scale',
  data: () => ({
    classes,
    train: asSplit('train', examples(count)),
    validation: asSplit('validation', examples(3)),
    test: asSplit('test', examples(3)),
  }),
  transfer: {size: count},
  teachers: {
    'gray-box': () =>
      openInference({
        url: BENCH_URL ?? 'http://127.0.0.1:9',
        service: 'instant',
        model: 'instant',
        classes,
        output: {logProbabilities: 'log_probabilities'},
        concurrency: Number(BENCH_CONCURRENCY ?? 16),
      }),
  },
  student: hashedNgrams(),
  methods: [{level: 'gray-box', method: 'log-probabilities', losses: [softLabels()]}],
  seeds: [1],
  training: {epochs: 1},
});

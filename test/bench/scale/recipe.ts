import {defineRecipe, hashedNgrams, softLabels} from 'limbeck';
import {openInference} from 'limbeck/adapters/open-inference';
import {textShards} from 'limbeck/data';

const {
  BENCH_URL = 'http://127.0.0.1:9',
  BENCH_TEXTS = '.',
  BENCH_INPUTS = '1000',
  BENCH_CONCURRENCY = '16',
} = process.env;
const classes = Array.from({length: 10}, (_, index) => `class ${index}`);

/** A service of the benchmarks: the instant one, or the counting one. */
export const teacher = openInference({
  url: BENCH_URL,
  service: 'bench',
  model: 'bench',
  version: '1',
  classes,
  output: {logProbabilities: 'log_probabilities'},
  concurrency: Number(BENCH_CONCURRENCY),
  price: {perCall: 0.001},
});

export default defineRecipe({
  name: 'scale',
  data: () => textShards({path: `${BENCH_TEXTS}/shards`, test: `${BENCH_TEXTS}/test.jsonl`, classes}),
  transfer: {size: Number(BENCH_INPUTS)},
  teachers: {'gray-box': () => teacher},
  student: hashedNgrams(),
  methods: [{level: 'gray-box', method: 'log-probabilities', losses: [softLabels()]}],
  seeds: [1],
  training: {epochs: 1},
});

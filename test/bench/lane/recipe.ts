import {defineRecipe, hardLabels, hashedNgrams} from 'limbeck';
import {openai} from 'limbeck/adapters/openai';
import {textShards} from 'limbeck/data';

const {BENCH_URL = 'http://127.0.0.1:9', BENCH_INPUTS = '1000', BENCH_TOKENS = '1000000'} = process.env;
const classes = ['billing', 'fault'];

export default defineRecipe({
  name: 'lane',
  data: () => textShards({path: 'shards', test: 'test.jsonl', classes}),
  transfer: {size: Number(BENCH_INPUTS)},
  teachers: {
    'black-box': () =>
      openai({
        url: BENCH_URL,
        model: 'm',
        classes,
        output: 'label',
        // BENCH_TOKENS is empty if the limit is to be learned.
        ...(BENCH_TOKENS && {rate: {enqueuedTokens: Number(BENCH_TOKENS)}}),
      }),
  },
  student: hashedNgrams(),
  methods: [{level: 'black-box', method: 'labels', losses: [hardLabels()]}],
  seeds: [1],
});

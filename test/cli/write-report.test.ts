import {expect, it} from 'vitest';
import {openai} from '../../adapters/openai.ts';
import {costOf} from '../../src/ask/budget/price.ts';
import {costNote} from '../../src/cli/write-report.ts';
import {promptFor} from '../../src/write/prompt.ts';
import {taskOf} from '../../src/write/task.ts';
import {requestsFor} from '../../src/write/write-texts.ts';

const classes = {
  refund: {description: 'wants money back', examples: ['a word '.repeat(500), 'short', '返金 '.repeat(90), 'x']},
  delivery: 'asks where a parcel is, which was to come long ago',
  other: 'anything else',
};
const task = taskOf({model: () => Promise.reject(), texts: 'messages to a shop', classes}, undefined);
const price = {perMillionInputTokens: 1000, perMillionOutputTokens: 1};
const writer = openai({model: 'pen', url: 'http://pen.test', output: 'texts', maxTokens: 10, price});
const plan = {task, writer: 'pen', before: [], count: 30, perRequest: 20, seed: 0};

it('says a cost that no request of the run exceeds', () => {
  const note = costNote(writer, plan)!;
  expect(note).toMatch(/^pen is asked for texts in 3 to 15 requests: \$[\d.]+ at most/);
  const {most} = requestsFor(plan);
  const perRequest = Number(/\$([\d.]+)/.exec(note)![1]) / most;
  const written = task.classes.map(() => ['é'.repeat(999), 'y', ...new Array<string>(9).fill('z '.repeat(200))]);
  for (let number = 0; number < 50; number++) {
    for (const label of task.classes.keys()) {
      const text = promptFor({label, number, count: 20}, {task, seed: 0, written});
      const usage = writer.prompted.service!.worstCase!([{input: {kind: 'text', text}}]);
      expect(costOf(price, {calls: 1, usage})).toBeLessThanOrEqual(perRequest);
    }
  }
});

it('says so if nobody knows the price, and nothing if nothing is lacking', () => {
  const free = openai({model: 'pen', url: 'http://pen.test', output: 'texts'});
  expect(costNote(free, plan)).toContain('Its price is not known');
  const before = task.classes.flatMap(({name}) => new Array(10).fill({text: '', label: name, request: 0}));
  expect(costNote(writer, {...plan, before})).toBeUndefined();
});

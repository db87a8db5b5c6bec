import {expect, it} from 'vitest';
import {tabulate} from '../../src/knowledge/answers.ts';
import {Answered} from '../../src/select/selection-run.ts';
import type {Answer} from '../../src/teacher.ts';

it('what was answered about 700,000 inputs is taken in at once', () => {
  const count = 700_000;
  const inputs = {kind: 'text', count, texts: new Array<string>(count).fill('a')} as const;
  const label: Answer = {kind: 'label', label: 1};
  const answers = tabulate(new Array<Answer>(count).fill(label), {kind: 'label'}, 2);
  const head = {source: {access: 'black-box', identity: {}}, classes: ['a', 'b'], detail: {kind: 'label'}} as const;
  const answered = new Answered(inputs);
  answered.add(
    Int32Array.from({length: count}, (_, row) => row),
    {...head, inputs, answers},
    [{index: 3, error: new Error('missing')}],
  );
  expect(answered.rows).toHaveLength(count - 1);
});

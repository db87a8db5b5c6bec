import {readFileSync} from 'node:fs';
import {cp, mkdtemp} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {describe, expect, it} from 'vitest';
import {encoder} from '../../adapters/encoder.ts';
import {testTeacher} from '../teacher-suite.ts';
import {floats, text} from './replay.ts';

const fixtures = join(import.meta.dirname, '../fixtures/encoder');
const expected = JSON.parse(readFileSync(join(fixtures, 'expected.json'), 'utf8')) as {
  readonly texts: readonly string[];
  readonly bert: {readonly vectors: readonly (readonly number[])[]};
};

describe('encoder', () => {
  testTeacher({
    it,
    teacher: () => encoder({model: join(fixtures, 'bert')}),
    queries: ['a great film', 'What is the balance of my account?'].map(text),
    badQuery: floats(1),
  });

  it('gives the vectors of sentence-transformers', async () => {
    const outcomes = await encoder({model: join(fixtures, 'bert')}).ask(expected.texts.map(text));
    for (const [row, outcome] of outcomes.entries()) {
      const {answer} = outcome as {readonly answer: {readonly kind: string; readonly values: Float32Array}};
      expect(answer.kind).toBe('vector');
      for (const [at, value] of expected.bert.vectors[row]!.entries()) expect(answer.values[at]).toBeCloseTo(value, 5);
    }
  });

  it('refuses to answer if its files changed after it was made', async () => {
    const model = join(await mkdtemp(join(tmpdir(), 'limbeck-')), 'encoder');
    await cp(join(fixtures, 'bert'), model, {recursive: true});
    const teacher = encoder({model});
    await cp(join(fixtures, 'float16.safetensors'), join(model, 'model.safetensors'));
    await expect(teacher.ask([text('a film')])).rejects.toThrow('changed after the teacher was made. Start again.');
  });

  it('is another teacher if its weights are others', () => {
    const identityOf = (name: string) => encoder({model: join(fixtures, name)}).identity;
    expect(identityOf('bert')).not.toEqual(identityOf('roberta'));
  });
});

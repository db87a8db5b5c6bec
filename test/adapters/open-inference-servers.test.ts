/** Against servers that run on this machine: see `test/servers`. */
import {rmSync} from 'node:fs';
import {afterAll, describe, expect, it} from 'vitest';
import {type OpenInferenceOptions, openInference, type ScoreOutput} from '../../adapters/open-inference.ts';
import {predicate} from '../../src/questions.ts';
import type {Outcome, Query} from '../../src/teacher.ts';
import {startKserve} from '../servers/kserve.ts';
import {startMlserver} from '../servers/mlserver.ts';
import {scratch, writeSection} from '../servers/page.ts';
import {NO_SERVERS} from '../servers/python-server.ts';
import {testTeacher} from '../teacher-suite.ts';
import {problemsIn, text} from './replay.ts';

const [mlserver, kserve] = await Promise.all([startMlserver(), startKserve()]);
afterAll(() => Promise.all([mlserver?.stop(), kserve?.stop()]));
afterAll(() => rmSync(scratch, {recursive: true, force: true}));

const whyNot = (server: object | undefined): string => (server ? '' : ` (${NO_SERVERS})`);

function image(pixels: readonly number[], dtype: 'uint8' | 'float32' = 'uint8'): Query {
  const data = dtype === 'uint8' ? Uint8Array.from(pixels) : Float32Array.from(pixels);
  return {input: {kind: 'tensor', dtype, shape: [pixels.length], data}};
}

const portOf = (server: {readonly url: string}): number => Number(new URL(server.url).port);

/** Compares probabilities to a millionth, because the answers hold 32-bit logarithms. */
function expectProbabilities(outcomes: readonly Outcome[], rows: readonly (readonly number[])[]): void {
  expect(problemsIn(outcomes)).toEqual(rows.map(() => 'none'));
  for (const [row, outcome] of outcomes.entries()) {
    const {logProbabilities} = (outcome as {answer: {logProbabilities: Float32Array}}).answer;
    for (const [label, probability] of rows[row]!.entries()) {
      expect(Math.abs(Math.exp(logProbabilities[label]!) / probability - 1)).toBeLessThan(1e-6);
    }
  }
}

describe.skipIf(!mlserver)(`openInference against MLServer${whyNot(mlserver)}`, () => {
  const {digits, moods} = mlserver?.models ?? ({} as NonNullable<typeof mlserver>['models']);
  const probabilities = {probabilities: 'predict_proba'};
  const images = digits?.inputs.map(pixels => image(pixels)) ?? [];

  describe.each([
    ['REST', mlserver?.url ?? ''],
    ['gRPC', mlserver?.grpcUrl ?? ''],
  ])('over %s', (transport, url) => {
    const digitsWith = (output: ScoreOutput = probabilities, rest: Partial<OpenInferenceOptions> = {}) =>
      openInference({url, model: 'digits', classes: digits.classes, output, ...rest});

    testTeacher({it, teacher: () => digitsWith(undefined, {maxBatch: 4}), queries: images.slice(0, 6)});

    it('brings the probabilities of scikit-learn', async () => {
      expectProbabilities(await digitsWith().ask(images), digits.probabilities);
    });

    it.each(['FP32', 'FP64', 'INT64'])('brings them for inputs that go as %s', async datatype => {
      const asked = digitsWith(undefined, {input: {datatype}, version: 'v1'}).ask(images);
      expectProbabilities(await asked, digits.probabilities);
    });

    it('brings the labels of scikit-learn', async () => {
      const teacher = openInference({url, model: 'digits', classes: digits.classes, output: {label: 'predict'}});
      const labels = digits.labels.map(name => digits.classes.indexOf(name));
      expect(await teacher.ask(images)).toEqual(labels.map(label => ({answer: {kind: 'label', label}})));
    });

    it('asks about texts, and is answered with names and with probabilities', async () => {
      const queries = moods.inputs.map(text);
      const options = {url, model: 'moods', classes: moods.classes};
      const named = await openInference({...options, output: {label: 'predict'}}).ask(queries);
      const labels = moods.labels.map(name => moods.classes.indexOf(name));
      expect(named).toEqual(labels.map(label => ({answer: {kind: 'label', label}})));
      const scored = await openInference({...options, output: probabilities}).ask(queries);
      expectProbabilities(scored, moods.probabilities);
    });

    it('brings the probabilities of a multi-label classifier, a column for each predicate', async () => {
      const {inputs, probabilities: rows} = mlserver!.models.tags;
      const questions = [predicate('odd', 'Is the digit odd?'), predicate('large', 'Is it above four?')];
      const teacher = openInference({url, model: 'tags', questions, output: probabilities});
      const asked = inputs.flatMap(pixels => {
        const query = image(pixels);
        return questions.map(question => ({...query, question}));
      });
      const expected = rows.flatMap(row => row.map(yes => [1 - yes, yes]));
      expectProbabilities(await teacher.ask(asked), expected);
    });

    it('says that there is no such model or version', async () => {
      const has = transport === 'REST' ? 'It has: ' : 'Check `url`, `model` and `version`.';
      const other = digitsWith(undefined, {model: 'nope'}).ask(images);
      await expect(other).rejects.toMatchObject({status: 404, retryable: false});
      await expect(other).rejects.toThrow(`no model \`nope\`. ${has}`);
      const later = digitsWith(undefined, {version: 'v9'}).ask(images);
      await expect(later).rejects.toThrow(`no model \`digits\`, version \`v9\`. ${has}`);
    });

    it('says that there is no such output', async () => {
      const problems = problemsIn(await digitsWith({logits: 'logits'}).ask(images.slice(0, 2)));
      for (const problem of problems) {
        expect(problem).toMatch(/It answered 400( \(INVALID_ARGUMENT\))?: ".*"\.? .* and the names of the outputs\.$/);
      }
    });

    it('says what can be wrong if the service fails over a shape, and is answered afterwards', async () => {
      const teacher = digitsWith();
      const asked = teacher.ask([image([1, 2, 3])]);
      await expect(asked).rejects.toMatchObject({status: 500, retryable: true});
      await expect(asked).rejects.toThrow('a wrong shape or name of an input is a common cause');
      expectProbabilities(await teacher.ask(images.slice(0, 1)), digits.probabilities.slice(0, 1));
    });
  });

  it("brings them as the page on servers of one's own asks", async () => {
    const teacher = await writeSection('MLServer', portOf(mlserver!)).teacher();
    expectProbabilities(await teacher.ask(moods.inputs.map(text)), moods.probabilities);
  });

  it('sends it no bytes by itself over REST, and says that it takes none if they are wished for', async () => {
    const options = {url: mlserver!.url, model: 'digits', classes: digits.classes, output: probabilities};
    const [problem] = problemsIn(await openInference({...options, binary: true}).ask(images.slice(0, 1)));
    expect(problem).toContain('It answered 422');
  });
});

describe.skipIf(!kserve)(`openInference against the server of KServe${whyNot(kserve)}`, () => {
  const {url, digits} = kserve ?? ({} as NonNullable<typeof kserve>);
  const images = digits?.inputs.map(pixels => image(pixels, 'float32')) ?? [];
  const digitsWith = (rest: Partial<OpenInferenceOptions> = {}) =>
    openInference({url, model: 'digits', classes: digits.classes, output: {probabilities: 'probabilities'}, ...rest});

  testTeacher({it, teacher: () => digitsWith({maxBatch: 4}), queries: images.slice(0, 6)});

  it.each(['auto', true] as const)('brings the probabilities of scikit-learn, binary: %s', async binary => {
    expectProbabilities(await digitsWith({binary}).ask(images), digits.probabilities);
  });

  it("brings them as the page on servers of one's own asks", async () => {
    const teacher = await writeSection('KServe', portOf(kserve!)).teacher();
    expectProbabilities(await teacher.ask(images), digits.probabilities);
  });

  it('says that there is no such model', async () => {
    const asked = digitsWith({model: 'nope'}).ask(images);
    await expect(asked).rejects.toThrow('It has no model `nope`. Check `url`, `model` and `version`.');
  });
});

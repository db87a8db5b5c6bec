import {afterAll, beforeAll, describe, expect, it, vi} from 'vitest';
import {
  type LabelOutput,
  type OpenInferenceOptions,
  openInference,
  type ScoreOutput,
} from '../../adapters/open-inference.ts';
import {degrade} from '../../src/ask/degrade.ts';
import {inputAt} from '../../src/data/inputs.ts';
import {startEngine} from '../../src/engine/engine.ts';
import {type RunningService, type ServeOptions, serveTeacher} from '../../src/serve/server.ts';
import {asTeacher} from '../../src/student/as-teacher.ts';
import {weightsHash} from '../../src/student/weights-hash.ts';
import type {Detail, Query, Teacher} from '../../src/teacher.ts';
import {images, smallStudent, tenClasses} from '../student/examples.ts';
import {testTeacher} from '../teacher-suite.ts';
import {problemsIn} from './replay.ts';

const key = 'sk-very-secret';
const inputs = images(6, [4, 4, 1]);
const queries: readonly Query[] = Array.from({length: inputs.count}, (_, index) => ({
  input: inputAt(inputs, index),
}));
const badQuery: Query = {input: {kind: 'tensor', dtype: 'uint8', shape: [5, 5, 1], data: new Uint8Array(25)}};

interface Form {
  readonly title: string;
  readonly serve: Pick<ServeOptions, 'access' | 'detail'>;
  readonly shown: Detail;
  readonly output: ScoreOutput | LabelOutput;
}

const forms: readonly Form[] = [
  {
    title: 'log-probabilities',
    serve: {access: 'gray-box'},
    shown: {kind: 'log-probabilities'},
    output: {logProbabilities: 'log_probabilities'},
  },
  {
    title: 'the k best',
    serve: {access: 'gray-box', detail: {kind: 'top-k', k: 3}},
    shown: {kind: 'top-k', k: 3},
    output: {topK: {classes: 'classes', logProbabilities: 'log_probabilities', k: 3}},
  },
  {
    title: 'logits',
    serve: {access: 'gray-box', detail: {kind: 'logits'}},
    shown: {kind: 'logits'},
    output: {logits: 'logits'},
  },
  {title: 'label indices', serve: {access: 'black-box'}, shown: {kind: 'label'}, output: {label: 'label'}},
  {title: 'label names', serve: {access: 'black-box'}, shown: {kind: 'label'}, output: {label: 'class'}},
];

/** Both kinds of output at once, which the exported overloads keep apart. */
const connect = openInference as (
  options: OpenInferenceOptions & {readonly output: ScoreOutput | LabelOutput},
) => Teacher;

describe.each(forms)('openInference against a service that shows $title', ({serve, shown, output}) => {
  let service: RunningService;
  let local: Teacher;
  let options: Omit<OpenInferenceOptions, 'url'>;

  beforeAll(async () => {
    await startEngine();
    const student = smallStudent();
    local = asTeacher(student);
    const version = weightsHash(student);
    options = {model: 'digits', version, classes: tenClasses, key, maxBatch: 4};
    service = await serveTeacher(local, {
      ...serve,
      model: 'digits',
      version,
      key,
      input: {kind: 'tensor', dtype: 'uint8', shape: [4, 4, 1]},
    });
  });
  afterAll(() => service.close());

  testTeacher({
    it,
    teacher: () => connect({...options, url: service.url, output}),
    queries,
    badQuery,
    secret: key,
  });

  it('brings the very numbers that the teacher gave', async () => {
    const remote = connect({...options, url: service.url, output, maxBatch: 64});
    const given = degrade(local, {access: serve.access, detail: shown});
    expect(await remote.ask(queries)).toEqual(await given.ask(queries));
  });
});

describe('openInference against a service', () => {
  let service: RunningService;
  const options = {model: 'digits', classes: tenClasses, output: {label: 'label'}} as const;

  beforeAll(async () => {
    await startEngine();
    service = await serveTeacher(asTeacher(smallStudent()), {model: 'digits', version: '1', access: 'black-box', key});
  });
  afterAll(() => service.close());

  it('asks for the address only when it is first needed, and once', async () => {
    const url = vi.fn(async () => service.url);
    const teacher = openInference({...options, url, service: 'digits of this study', key});
    expect(teacher.identity['service']).toBe('digits of this study');
    expect(teacher.name).toBe('open-inference digits at digits of this study');
    expect(url).not.toHaveBeenCalled();
    await Promise.all([teacher.ask(queries), teacher.ask(queries)]);
    await teacher.ask(queries);
    expect(url).toHaveBeenCalledTimes(1);
  });

  it('asks for the address again after that failed', async () => {
    const url = vi.fn(async () => service.url).mockRejectedValueOnce(new Error('not yet'));
    const teacher = openInference({...options, url, service: 'digits', key});
    await expect(teacher.ask(queries)).rejects.toThrow('not yet');
    expect(problemsIn(await teacher.ask(queries))).toEqual(queries.map(() => 'none'));
  });

  it('says that the key is wrong, or which models and versions there are', async () => {
    const wrong = openInference({...options, url: service.url, key: 'wrong'}).ask(queries);
    await expect(wrong).rejects.toThrow('It refuses the key.');
    const other = openInference({...options, url: service.url, key, version: '2'}).ask(queries);
    await expect(other).rejects.toThrow('no model `digits`, version `2`. It has: digits (version 1).');
  });

  it('is told nothing that the service does not show', async () => {
    const output = {logProbabilities: 'log_probabilities'};
    const outcomes = await openInference({...options, url: service.url, key, output}).ask(queries);
    for (const problem of problemsIn(outcomes)) expect(problem).toContain('the names of the outputs');
  });

  it('answers one of several queries alone when another is not for this model', async () => {
    const outcomes = await openInference({...options, url: service.url, key}).ask([queries[0]!, badQuery]);
    expect(problemsIn(outcomes)).toEqual(['none', expect.stringContaining('It answered 400')]);
  });
});

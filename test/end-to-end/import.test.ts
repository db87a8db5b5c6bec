import {createHash} from 'node:crypto';
import {readFileSync, rmSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {gzipSync} from 'node:zlib';
import {parquetWriteBuffer} from 'hyparquet-writer';
import {afterAll, beforeAll, beforeEach, describe, expect, it} from 'vitest';
import type {TextInputs} from '../../src/data/inputs.ts';
import type {LabelAnswers, TopKAnswers} from '../../src/knowledge/answers.ts';
import {loadKnowledge} from '../../src/knowledge/files.ts';
import {type ChargingService, startChargingService} from '../charging-service.ts';
import {fixture, workplace} from './limbeck.ts';

const recipe = fixture('logged.ts');

/** The mails of the recipe. */
const mail = (index: number) => (index % 2 === 0 ? `Minutes of meeting ${index}` : `You won prize ${index}, "click"`);

/** Labels that the service, which says `ham` to everything, would not give. */
const label = (index: number) => (index % 3 === 0 ? 'ham' : 'spam');

const messages = (index: number) => [
  {role: 'system', content: 'Sort mails.'},
  {role: 'user', content: mail(index)},
];

const completion = (index: number) => ({
  id: `chatcmpl-${index}`,
  object: 'chat.completion',
  created: 1_700_000_000 + index,
  model: 'sorter-2024',
  choices: [{index: 0, finish_reason: 'stop', message: {role: 'assistant', content: label(index)}}],
  usage: {prompt_tokens: 9, completion_tokens: 1, total_tokens: 10},
});

const lines = (entries: readonly object[]) => entries.map(entry => `${JSON.stringify(entry)}\n`).join('');

/** Logs as programs write them, each about mails of its own, from an index on. */
const LOGS: Readonly<Record<string, (indices: readonly number[]) => string | Uint8Array>> = {
  'plain.jsonl': indices => lines(indices.map(index => ({text: mail(index), label: label(index)}))),
  'table.csv': indices =>
    `prediction,text,user\n${indices.map(index => `${label(index)},"${mail(index).replaceAll('"', '""')}",7\n`).join('')}`,
  'zipped.jsonl.gz': indices =>
    gzipSync(
      lines(indices.map(index => ({input: mail(index), output: label(index), timestamp: '2024-05-01T10:00:00Z'}))),
    ),
  'columns.parquet': indices =>
    new Uint8Array(
      parquetWriteBuffer({
        columnData: [
          {name: 'text', data: indices.map(mail)},
          {name: 'label', data: indices.map(label)},
        ],
      }),
    ),
  'scores.jsonl': indices =>
    lines(
      indices.map(index => ({
        text: mail(index),
        probabilities: {spam: label(index) === 'spam' ? 0.9 : 0.1, ham: label(index) === 'spam' ? 0.1 : 0.9},
      })),
    ),
  'pairs.jsonl': indices =>
    lines(indices.map(index => ({request: {model: 'sorter', messages: messages(index)}, response: completion(index)}))),
  'responses.jsonl': indices =>
    lines(
      indices.map(index => ({
        input: messages(index),
        response: {output: [{type: 'message', content: [{type: 'output_text', text: `{"label": "${label(index)}"}`}]}]},
      })),
    ),
  'stored.json': indices =>
    JSON.stringify(
      {
        object: 'list',
        data: indices.map(index => ({...completion(index), messages: {object: 'list', data: messages(index)}})),
      },
      null,
      2,
    ),
  'tuned.jsonl': indices =>
    lines(
      indices.map(index => ({
        messages: [...messages(index), {role: 'assistant', content: label(index) === 'spam' ? 'junk' : 'ham'}],
      })),
    ),
  'anthropic.jsonl': indices =>
    lines(
      indices.map(index => ({
        request: {messages: messages(index)},
        response: {type: 'message', content: [{type: 'text', text: label(index)}]},
      })),
    ),
  'cells.csv': indices =>
    `messages,completion\n${indices.map(index => `"${JSON.stringify(messages(index)).replaceAll('"', '""')}",${label(index)}\n`).join('')}`,
  'batch-output.jsonl': indices =>
    lines(
      indices.map(index => ({
        id: `r${index}`,
        custom_id: `mail-${index}`,
        response: {status_code: 200, request_id: 'x', body: completion(index)},
        error: null,
      })),
    ),
};

describe('limbeck cache import --from', () => {
  const {folder, run, json} = workplace();
  let service: ChargingService;
  let env: Record<string, string>;
  const write = (name: string, content: string | Uint8Array) => writeFileSync(join(folder(), name), content);
  const importFrom = (cache: string, level: string, names: readonly string[], options: readonly string[] = []) =>
    json<Report>(
      ['cache', 'import', '--cache', cache, '--teacher', `${recipe}#${level}`, ...options, '--from', ...names],
      {env},
    );

  beforeAll(async () => {
    service = await startChargingService();
    env = {TEST_TEACHER_URL: `${service.url}/v1`};
  });
  beforeEach(() => service.reset());
  afterAll(() => service.close());

  it('imports the answers of every kind of log, and asks for none of them again', async () => {
    const each = 5;
    for (const [order, [name, log]] of Object.entries(LOGS).entries()) {
      write(name, log(Array.from({length: each}, (_, index) => order * each + index)));
    }
    const batched = Array.from({length: each}, (_, index) => 60 - each + index);
    write(
      'batch-input.jsonl',
      lines(
        batched.map(index => ({
          custom_id: `mail-${index}`,
          method: 'POST',
          url: '/v1/chat/completions',
          body: {model: 'sorter', messages: messages(index)},
        })),
      ),
    );
    const options = ['--batch-input', 'batch-input.jsonl'];
    const planned = await importFrom('kept/a', 'black-box', Object.keys(LOGS), [...options, '--dry-run']);
    const report = await importFrom('kept/a', 'black-box', Object.keys(LOGS), options);
    expect(report).toMatchObject({records: 60, imported: 60, kept: 0, refused: {}, dryRun: false});
    expect(planned).toEqual({...report, dryRun: true});
    expect(report.coverage).toEqual([
      {about: 'transfer set', inputs: 60, answered: 60},
      {about: 'test split', inputs: 10, answered: 0},
    ]);

    const plan = await json<Plan>(['plan', recipe, '--cache', 'kept/a'], {env});
    expect(plan.levels[0]).toMatchObject({level: 'black-box', inputs: 60, cached: 60, imported: 60});
    const labelled = await json<Labelled>(
      ['label', recipe, '--cache', 'kept/a', '--level', 'black-box', '--out', 'a'],
      {env},
    );
    expect(labelled.levels[0]).toMatchObject({answers: 60, bought: 0, cached: 60, imported: 60, calls: 0});
    expect(service.charged).toHaveLength(0);
    const {inputs, answers} = await loadKnowledge(join(folder(), 'a/knowledge/black-box.safetensors'));
    const {texts} = inputs as TextInputs;
    const names = [...(answers as LabelAnswers).labels].map(index => ['ham', 'spam'][index]!);
    const known = new Map(texts.map((text, index) => [text, names[index]]));
    expect(known).toEqual(new Map(Array.from({length: 60}, (_, index) => [mail(index), label(index)])));

    const input = texts.indexOf(mail(26));
    const explained = await run(['cache', 'explain', recipe, '--cache', 'kept/a', '--input', `${input}`], {env});
    const sha256 = createHash('sha256')
      .update(readFileSync(join(folder(), 'pairs.jsonl')))
      .digest('hex');
    expect(explained.stdout).toContain(
      `imported from ${join(folder(), 'pairs.jsonl')}, line 2 (SHA-256 ${sha256.slice(0, 12)})`,
    );
    expect(explained.stdout).toContain('by sorter-2024, of 2023-11-14T22:13:46.000Z. It cost nothing here');
    const again = await importFrom('kept/a', 'black-box', Object.keys(LOGS), options);
    expect(again).toMatchObject({records: 60, imported: 0, kept: 60});

    for (const file of ['a', 'a-lock']) rmSync(join(folder(), 'kept', file), {force: true});
    const rebuilt = await json(['cache', 'rebuild', '--cache', 'kept/a'], {env});
    expect(rebuilt).toMatchObject({answers: 60, added: 60, unread: 0});
    const relabelled = ['label', recipe, '--cache', 'kept/a', '--level', 'black-box', '--out', 'b'];
    expect((await json<Labelled>(relabelled, {env})).levels[0]).toMatchObject({bought: 0, imported: 60, calls: 0});
    expect(service.charged).toHaveLength(0);
  });

  it('takes only answers with enough detail for a gray box, and counts the others', async () => {
    const logprobs = {ham: Math.log(0.25), spam: Math.log(0.75)};
    const tokens = [
      {
        token: 'B',
        logprob: Math.log(0.9),
        top_logprobs: [
          {token: 'B', logprob: Math.log(0.9)},
          {token: 'A', logprob: Math.log(0.1)},
        ],
      },
    ];
    write(
      'mixed.jsonl',
      lines([
        {text: mail(0), label: 'spam', logprobs},
        {text: mail(1), probabilities: {ham: 0.6, junk: 0, spam: 0.4}},
        {text: mail(2), label: 'B', logprobs: {content: tokens}},
        {text: mail(3), label: 'ham'},
        {messages: messages(4), response: completion(4)},
        {text: mail(5), probabilities: {ham: 0.9, spam: 0.4}},
      ]),
    );
    const report = await importFrom('kept/b', 'gray-box', ['mixed.jsonl']);
    expect(report).toMatchObject({
      records: 6,
      imported: 2,
      refused: {tooLittle: {count: 2}, unreadable: {count: 1}, unknownLabel: {count: 1}},
    });
    // The other inputs have no answer, which is a failure.
    const label = ['label', recipe, '--cache', 'kept/b', '--level', 'gray-box', '--out', 'b', '--offline', '--json'];
    const {levels} = JSON.parse((await run(label, {env})).stdout) as Labelled;
    expect(levels[0]).toMatchObject({answers: 2, cached: 2});
    const {answers} = await loadKnowledge(join(folder(), 'b/knowledge/gray-box.safetensors'));
    const values = [...(answers as TopKAnswers).logProbabilities].map(Math.exp).toSorted();
    for (const [index, value] of [0.1, 0.25, 0.75, 0.9].entries()) expect(values[index]).toBeCloseTo(value, 6);
  });

  it('says what it left out and why, and the counts add up', async () => {
    write(
      'rough.jsonl',
      `${lines([
        {text: mail(0), label: 'ham'},
        {text: mail(0), label: 'ham'},
        {text: mail(0), label: 'spam'},
        {text: mail(1), label: 'unsure'},
        {text: mail(2), label: 'unsure'},
        {messages: messages(3), error: {message: 'overloaded'}},
        {id: 1, label: 'spam'},
        {text: mail(5), label: 'junk'},
      ])}{"text": "torn`,
    );
    const args = ['cache', 'import', '--cache', 'kept/c', '--teacher', `${recipe}#black-box`, '--from', 'rough.jsonl'];
    const {stdout, stderr, code} = await run(args, {env});
    expect({code, stderr: stderr.replace(/^✓.*\n/m, '')}).toEqual({code: 0, stderr: ''});
    expect(stdout.split('\n')).toEqual([
      expect.stringMatching(/^9 records, for openai sorter at http.* \(black-box\)$/),
      '          2  imported into kept/c',
      '          1  about a text that came before, with the same label',
      '          1  about a text that came before, with another label: lines 1 and 3 (ham, spam). The first counts, or with `--last` the last',
      '          2  have a label outside the class list; `aliases` of the teacher map them: "unsure" 2',
      expect.stringMatching(/^ {10}1 {2}are requests that failed: the first is .*rough\.jsonl, line 6$/),
      expect.stringMatching(/^ {10}1 {2}hold no text: name its field/),
      expect.stringMatching(/^ {10}1 {2}are no JSON objects: the first is .*rough\.jsonl, line 9$/),
      'Found in 4 records: text from `text`, answer from `label`.',
      'The prompt of 2 answers is not verified: they count as if the teacher had been asked in the recipe’s words.',
      'They answer 2 of 60 inputs of the transfer set and 0 of 10 inputs of the test split.',
      '',
    ]);
    const last = await importFrom('kept/c', 'black-box', ['rough.jsonl'], ['--last', '--replace']);
    expect(last).toMatchObject({imported: 2, replaced: 2, kept: 0, conflicting: 1});
    const {answers} = await json<{readonly answers: readonly {readonly imported: {readonly line: number}}[]}>(
      ['cache', 'list', '--cache', 'kept/c'],
      {env},
    );
    expect(answers.map(({imported}) => imported.line).toSorted()).toEqual([3, 8]);
  });

  it('finds texts within the prompt of the log, and says if no text is one of the recipe', async () => {
    const wrapped = (index: number) => [{role: 'user', content: `Is this spam?\n${mail(index)}\nAnswer:`}];
    write('wrapped.jsonl', lines([0, 1].map(index => ({messages: wrapped(index), response: label(index)}))));
    const args = [
      'cache',
      'import',
      '--cache',
      'kept/d',
      '--teacher',
      `${recipe}#black-box`,
      '--from',
      'wrapped.jsonl',
    ];
    const blind = await run([...args, '--dry-run'], {env});
    expect(blind.stdout).toContain('They answer 0 of 60 inputs of the transfer set');
    expect(blind.stdout).toContain('within a prompt (`--prompt`)');
    const {coverage} = await importFrom(
      'kept/d',
      'black-box',
      ['wrapped.jsonl'],
      ['--prompt', 'Is this spam?\n{text}\nAnswer:'],
    );
    expect(coverage[0]).toMatchObject({answered: 2});
    const none = await run([...args, '--prompt', 'Other words: {text}'], {env});
    expect(none.code).toBe(1);
    expect(none.stderr).toContain('Nothing is imported of 2 records in wrapped.jsonl');
  });
});

interface Report {
  readonly coverage: readonly object[];
}

interface Plan {
  readonly levels: readonly object[];
}

interface Labelled {
  readonly levels: readonly object[];
}

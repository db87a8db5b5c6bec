import {describe, expect, it} from 'vitest';
import type {RequestFindings} from '../../src/ask/probe/requests.ts';
import type {TokenFindings} from '../../src/ask/probe/tokens.ts';
import {brokenLevels, probeText} from '../../src/cli/probe.ts';
import type {LevelProbe, StudyProbe} from '../../src/study/probe.ts';

const requests: RequestFindings = {
  ...{requests: 11, seconds: 0.42, authors: ['m-2026 (fp_1)'], perQuestion: {inputTokens: 86.64, outputTokens: 1}},
  limits: {
    requests: {limit: 500, remaining: 499, resetIn: 120},
    tokens: {limit: 200_000, remaining: 199_000},
  },
  whole: {inputs: 2000, calls: 2000, tokens: 175_280, usd: 0.072, seconds: 53},
};

const tokens: TokenFindings = {
  declared: {meaning: 'raw', topK: 20, key: 'bytes', temperature: 0},
  ...{meaning: 'raw', positions: 10, named: {least: 20, most: 20}, mass: {least: 0.98, most: 0.9995}, untold: 0},
  ...{key: 'bytes', alike: 1, bent: 0, decimals: 4, temperature: {temperature: 2, change: 0}},
};

const gray: LevelProbe = {
  ...{level: 'gray-box', teacher: 'chat m', access: 'gray-box', isService: true, classes: 3, asked: 5, problems: []},
  ...{declared: {kind: 'top-k', k: 3}, needed: {kind: 'top-k', k: 2}},
  answers: {
    ...{answers: 5, given: {kind: 'top-k', k: 2}, named: {least: 2, most: 3}, decimals: {logProbabilities: 4}, ties: 0},
    ...{mass: {least: 0.9, most: 0.95}, rest: {least: 0.05, most: 0.1}, total: {least: 1, most: 1}},
  },
  repetition: {compared: 5, identical: 5, flips: 0, change: 0, logChange: 0, meanKl: 0},
  ...{tokens, requests},
  paid: {calls: 11, bought: 10, cached: 0, inputTokens: 953, outputTokens: 11, usd: 0.0004},
};

const study = (...levels: readonly LevelProbe[]): StudyProbe => ({name: 'mails', cache: '.limbeck/answers', levels});

/** The lines of one level. */
const linesOf = (probe: Partial<LevelProbe>): readonly string[] =>
  probeText(study({...gray, ...probe}))
    .split('\n')
    .slice(2);

describe('probeText', () => {
  it('says what a teacher gives, at what cost, and how it comes by it', () => {
    expect(probeText(study(gray))).toBe(
      [
        'What the teachers of mails return in practice; paid answers are kept in .limbeck/answers',
        '',
        'gray-box: chat m',
        '  asked      5 inputs: 11 requests, 964 tokens, $0.00040',
        '  gives      top-k (k = 2 to 3); declared top-k (k = 3), needed top-k (k = 2)',
        '  classes    2 to 3 of 3',
        '  sum        0.9000 to 0.9500, and a rest of 0.0500 to 0.1000',
        '  rounded    log-probabilities to 4 decimals',
        '  repeated   all 5 answers the same to the bit',
        '  scores     the model’s own, as declared',
        '             at temperature 2 they change by nothing',
        '  tokens     20 of 20 at a position, 0 without a value; told apart by bytes, at 1 of 10 positions written alike',
        '             their mass 0.9800 to 0.9995; rounded to 4 decimals',
        '  model      m-2026 (fp_1)',
        '  limits     500 requests, 499 left, reset in 120 ms; 200,000 tokens, 199,000 left',
        '  an input   86.6 + 1 tokens, $0.000036; 420 ms a request',
        '  whole set  2,000 inputs: 2,000 requests, 175,280 tokens, $0.072, 53 s or more',
      ].join('\n'),
    );
  });

  it('says by how much answers change from one asking to the next', () => {
    const noisy = {compared: 5, identical: 1, flips: 1, change: 0.0271, logChange: 0.3, meanKl: 0.00123};
    expect(linesOf({repetition: noisy})).toContain(
      '  repeated   4 of 5 answers differ, probabilities by up to 0.027, mean KL 0.0012 nats, 1 label changes',
    );
    const close = {compared: 5, identical: 5, flips: 0, change: 4e-7, logChange: 5e-7, meanKl: 0};
    expect(linesOf({repetition: close})).toContain(
      '  repeated   all 5 answers the same but for rounding, probabilities by up to 4e-7',
    );
    const {repetition: _, ...once} = gray;
    expect(probeText(study(once))).toContain('  repeated   not measured: nothing was answered twice');
  });

  it('sets what scores of tokens are against what was declared', () => {
    expect(linesOf({tokens: {...tokens, meaning: 'processed', key: 'string'}})).toEqual(
      expect.arrayContaining([
        '  scores     after the temperature; declared: the model’s own',
        expect.stringContaining('told apart by their text alone, at 1 of 10 positions'),
      ]),
    );
    const {meaning: _, temperature: __, ...unknown} = tokens;
    expect(linesOf({tokens: unknown})).toContain(
      '  scores     not known to be the model’s own; declared: the model’s own',
    );
    const refused = {temperature: 2, problem: 'It answered 400.'};
    expect(linesOf({tokens: {...tokens, temperature: refused}})).toContain(
      '             at temperature 2 not known: It answered 400.',
    );
  });

  it('says what is not known of the cost', () => {
    const {perQuestion: _, ...uncounted} = requests;
    const whole = {inputs: 10, calls: 5};
    expect(linesOf({requests: {...uncounted, authors: [], limits: {}, whole}}).slice(-4)).toEqual([
      '  model      not named in the reply',
      '  limits     none told in the headers',
      '  an input   tokens not counted by the service; 420 ms a request',
      '  whole set  10 inputs: 5 requests, price unknown',
    ]);
  });

  it('says in few words of a teacher in this process, or one that was not asked, that nothing was paid', () => {
    const {requests: _, tokens: __, ...rest} = gray;
    const paid = {calls: 0, bought: 0, cached: 5, inputTokens: 0, outputTokens: 0};
    expect(probeText(study({...rest, paid}))).toContain(
      '  asked      5 inputs: nothing was paid, 5 answers from the cache\n',
    );
    expect(probeText(study({...rest, isService: false}))).toContain(
      '  asked      5 inputs in this process, free of charge\n',
    );
  });

  it('shows each part of a teacher that is made of others, and problems where they belong', () => {
    const {level: _, ...part} = gray;
    const {requests: __, tokens: ___, repetition: ____, ...whole} = gray;
    const problem = {severity: 'error', text: 'It is not.\nReally.'} as const;
    const text = probeText(study({...whole, teacher: 'mean of all', parts: [{...part, problems: [problem]}, part]}));
    expect(text).toContain('gray-box: mean of all\n  asked      5 inputs, answered by combining 2 parts\n');
    expect(text.split('\n\n  of chat m\n  asked      5 queries: ')).toHaveLength(3);
    expect(text).toContain('\n  a query    86.6 + 1 tokens, $0.000036');
    expect(text).toContain('53 s or more\n  error: It is not.\n    Really.\n\n  of chat m');
    expect(text).not.toContain('not measured');
  });
});

describe('brokenLevels', () => {
  it('are those with an error, of the whole or of a part, whatever the warnings', () => {
    const error = {severity: 'error', text: 'It is not.'} as const;
    const warning = {severity: 'warning', text: 'It may not be.'} as const;
    const {level: _, ...part} = gray;
    const levels = study(
      {...gray, problems: [warning]},
      {...gray, level: 'black-box', problems: [error]},
      {...gray, level: 'white-box', parts: [part, {...part, problems: [error]}]},
    );
    expect(brokenLevels(levels)).toEqual(['black-box', 'white-box']);
  });
});

/** The adapter of System One against a mock of the protocol, with each of the faults that the mock knows. */
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {systemOne} from '../../adapters/system-one.ts';
import type {Question} from '../../src/question.ts';
import {choice, predicate, score} from '../../src/questions.ts';
import type {Outcome, Query} from '../../src/teacher.ts';
import {type Jevcompat, startJevcompat} from '../servers/jevcompat.ts';
import {NO_SERVERS, programsOf} from '../servers/python-server.ts';
import {halving, problemsIn} from './replay.ts';

const key = 'the-right-key';
const input = {kind: 'text', text: 'I was charged twice for my order, and nobody has replied.'} as const;
const questions: readonly Question[] = [
  predicate('urgent', 'Is it urgent?', {yes: 'Money is at stake.', no: 'It can wait.'}),
  {type: 'predicate', name: 'rück-frage 1', yes: 'A refund is asked for.'},
  choice('team', 'Which team?', {Billing: 'Payments', café: '', other: ''}),
  choice(
    'many',
    'Which one?',
    Array.from({length: 65}, (_, index) => `option ${index}`),
  ),
  score('anger', 'How angry?', ['calm', 'cool', 'annoyed', 'cross', 'angry', 'furious']),
];
const queries: readonly Query[] = questions.map(question => ({input, question}));
const [urgent, refund, team, many, anger] = questions.map(({name}) => name);

/** Words of the error of each question without an answer. Those of faults that are not here are all right. */
const ERRORS: Readonly<Record<string, RegExp | Readonly<Record<string, RegExp>>>> = {
  'wrong-route': /It answered 404.*Check `url` and `path`/,
  'auth-rejects-header': /It answered 401 \(authentication_error\).*It refuses the key/,
  'auth-x-api-key': /It answered 403 \(authentication_error\).*It refuses the key/,
  'reject-jev-latest': /Model not served: jev-latest.*Check .*`model`/,
  'first-question-only': {
    ...{[refund!]: /no answer/, [team!]: /no answer/, [many!]: /no answer/, [anger!]: /no answer/},
  },
  'strict-ids': {[refund!]: /must match.*It does not take the question/},
  'nfd-keys': {[team!]: /no probability of `café`/},
  'noul-two-sided': {[refund!]: /are required.*It does not take the question/},
  'noul-needs-instructions': {[refund!]: /Field required.*It does not take the question/},
  'no-null-description': {[team!]: /valid string/, [many!]: /valid string/},
  'cap-64': {[many!]: /at most 64 items.*It does not take the question/},
  'cap-5-levels': {[anger!]: /at most 5 items.*It does not take the question/},
  'boolean-type': {[urgent!]: /of type boolean/, [refund!]: /of type boolean/},
  'noul-range': {[urgent!]: /not between 0 and 1/, [refund!]: /not between 0 and 1/},
  'choice-key-case': {[team!]: /no probability of `Billing`/},
  'choice-sum': {[team!]: /sum to 1\.200/, [many!]: /sum to 1\.200/},
  'choice-second': {[team!]: /not the most probable/, [many!]: /not the most probable/},
  'legend-1-based': {[anger!]: /than from 0/},
  'score-keys-1-based': {[anger!]: /no probability of `0`/},
  'score-sum': {[anger!]: /sum to 0\.8000/},
  'score-argmax': {[anger!]: /Its score is/},
};

/** Faults that no single reply shows, each with the option that keeps it from changing an answer. */
const LEAKS: Readonly<Record<string, object>> = {
  'id-leaks': {areNamesShown: true},
  'batch-leaks': {maxQuestions: 1},
  'order-leaks': {maxQuestions: 1},
};

function numbersIn(outcome: Outcome): readonly number[] {
  if ('error' in outcome || outcome.answer.kind !== 'log-probabilities') throw new Error(problemsIn([outcome])[0]);
  return [...outcome.answer.logProbabilities];
}

describe.skipIf(programsOf('servers') === undefined)(
  `systemOne and the mock of jevcompat (else: ${NO_SERVERS})`,
  () => {
    let mock: Jevcompat;
    let right: readonly (readonly number[])[];
    const asked = (fault: string, options: object = {}) =>
      halving(systemOne({model: 'jev-latest', url: mock.addresses[fault]!, questions, key, ...options}));
    const outcomesOf = async (fault: string) => {
      try {
        return await asked(fault).ask(queries);
      } catch (error) {
        return queries.map(() => ({error: error as Error}));
      }
    };

    beforeAll(async () => {
      mock = (await startJevcompat(key))!;
      right = (await asked('').ask(queries)).map(numbersIn);
    }, 60_000);
    afterAll(() => mock?.stop());

    it('knows every fault of the mock', async () => {
      const faults = Object.keys(mock.addresses);
      expect(faults.length).toBe(48);
      expect([...Object.keys(ERRORS), ...Object.keys(LEAKS)].filter(name => !faults.includes(name))).toEqual([]);
      const table: string[][] = [];
      for (const fault of faults.filter(name => !(name in LEAKS))) {
        const outcomes = await outcomesOf(fault);
        const errors = ERRORS[fault];
        for (const [row, outcome] of outcomes.entries()) {
          const {name} = questions[row]!;
          const wanted = errors instanceof RegExp ? errors : errors?.[name];
          const said = problemsIn([outcome])[0]!;
          table.push([fault, name, said]);
          if (wanted) expect(said, `${fault}, ${name}`).toMatch(wanted);
          else expect(numbersIn(outcome), `${fault}, ${name}`).toEqual(right[row]);
        }
      }
      const answered = table.filter(([, , said]) => said === 'none').length;
      console.log(
        `jevcompat: ${faults.length - 1 - Object.keys(LEAKS).length} faults, ${answered} right answers, ${table.length - answered} errors.`,
      );
    });

    it.each(['batch-leaks', 'order-leaks'])(
      'gives the answers of each question alone with one question a request: %s',
      async fault => {
        const together = (await outcomesOf(fault)).map(numbersIn);
        const alone = await Promise.all(queries.map(async query => numbersIn((await asked(fault).ask([query]))[0]!)));
        expect(together).not.toEqual(alone);
        expect((await asked(fault, LEAKS[fault]).ask(queries)).map(numbersIn)).toEqual(alone);
      },
    );

    it('says which key is missing or wrong', async () => {
      for (const [fault, given] of [
        ['auth-plain', ''],
        ['auth-invalid-403-text', 'a-wrong-key'],
      ] as const) {
        const error = await asked(fault, {key: given})
          .ask(queries)
          .catch((thrown: unknown) => thrown as Error);
        expect(String(error)).toMatch(given === '' ? /It asks for a key/ : /It refuses the key/);
        expect(String(error)).not.toContain(key);
      }
    });

    it('sends the key in the header that a server wants', async () => {
      const outcomes = await asked('auth-x-api-key', {keyHeader: 'x-api-key: {key}'}).ask(queries);
      expect(outcomes.map(numbersIn)).toEqual(right);
    });
  },
);

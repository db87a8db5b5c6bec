import {describe, expect, it} from 'vitest';
import {classesOf} from '../../../src/question.ts';
import type {Json, Outcome} from '../../../src/teacher.ts';
import {problemsIn} from '../replay.ts';
import {type Capture, captureNames, captureOf, replayed} from './captures.ts';

/** Each question is answered with the numbers that came. */
const ANSWERED = 'answered';
/** The request that was captured is none that limbeck sends, but the reply is answered. */
const ANSWERED_TO_OTHERS = 'answered, asked in another way';
/** Words of the error of every question; or of each question that has one. */
type Expected = typeof ANSWERED | typeof ANSWERED_TO_OTHERS | RegExp | Readonly<Record<string, RegExp>>;

const REFUSED = /refuses to answer this question/;
const NO_ANSWER = /It gave no answer/;

const EXPECTED: Readonly<Record<string, Expected>> = {
  'from-types-cloudflare-err_400_no_questions': /It answered 400/,
  'from-types-cloudflare-err_401': /It refuses the key. Set LIMBECK_TEACHER_KEY/,
  'from-types-cloudflare-err_413': /It answered 413/,
  'from-types-cloudflare-err_422_nested': /"questions\.team\.criteria: Field required"/,
  'from-types-cloudflare-err_429_capacity': /Capacity temporarily exceeded.*too many requests/,
  'from-types-cloudflare-err_429_daily': /The allowance of the day is used up/,
  'from-types-cloudflare-err_529': /It is overloaded/,
  'from-types-cloudflare-three_types': ANSWERED,
  'from-types-google-blocked': {urgent: REFUSED, team: REFUSED, frustration: REFUSED},
  'from-types-google-three_types': ANSWERED,
  'from-types-openai-boolean_choice': {dup: /probability of something that was not asked about/},
  'from-types-openai-cached': ANSWERED,
  'from-types-openai-err_400_model': /Check `model`/,
  'from-types-openai-err_400_too_many_questions': /Lower `maxQuestions`/,
  'from-types-openai-err_401': /It refuses the key. Set OPENAI_API_KEY/,
  'from-types-openai-err_429': /It gets too many requests/,
  'from-types-openai-err_429_quota': /Top it up/,
  'from-types-openai-err_500': /It answered 500/,
  'from-types-openai-image_and_json': ANSWERED_TO_OTHERS,
  'from-types-openai-refusal_one_of_three': {age: REFUSED},
  'from-types-openai-rounded_sum': ANSWERED,
  'from-types-openai-three_types': ANSWERED,
  'from-types-openai-unnamed': ANSWERED_TO_OTHERS,
  'from-types-openrouter-decisions': ANSWERED,
  'from-types-sglang-decisions': ANSWERED,
  'from-types-vllm-decisions': ANSWERED,
  systemone_100_questions: ANSWERED,
  systemone_choice: ANSWERED,
  systemone_choice_255: ANSWERED,
  systemone_err_400_unknown_model: /Unknown model: jev.*Check `model`/,
  systemone_err_401_wrong_key: /It refuses the key/,
  systemone_err_403_missing_key: /It refuses the key/,
  systemone_err_404_route: /Check `url` and `path`/,
  systemone_err_422_11_levels: /at most 10 items/,
  systemone_err_422_256_options: /at most 255 items/,
  systemone_err_422_bad_json: /JSON decode error/,
  systemone_err_422_missing_state: /state: Field required/,
  systemone_err_422_no_questions: /at least 1 item/,
  systemone_err_422_no_type: /questions\.q: Unable to extract tag/,
  systemone_err_422_null_level: /criteria\.1: Input should be a valid string/,
  systemone_err_422_score_map: /criteria: Input should be a valid list/,
  systemone_err_422_unknown_type: /Input tag 'boolean'/,
  systemone_fault_500_on_unknown_type: /It answered 500/,
  systemone_fault_accept_boolean: ANSWERED_TO_OTHERS,
  systemone_fault_batch_leaks: ANSWERED,
  systemone_fault_boolean_type: {urgent: /answer of type boolean where one of type noul/},
  systemone_fault_cap_64: /at most 64 items/,
  systemone_fault_choice_key_case: {t: /no probability of `Billing`/},
  systemone_fault_choice_no_confidence: ANSWERED,
  systemone_fault_choice_second: {team: /not the most probable one/},
  systemone_fault_choice_sum: {team: /sum to 1\.200, not 1/},
  systemone_fault_confidence_margin: ANSWERED,
  systemone_fault_confidence_over: ANSWERED,
  systemone_fault_error_flat: /Unknown model: jev/,
  systemone_fault_extra_answer: ANSWERED,
  systemone_fault_first_question_only: {team: NO_ANSWER, frustration: NO_ANSWER},
  systemone_fault_float_usage: ANSWERED,
  systemone_fault_legend_1_based: {frustration: /numbers the levels in another way/},
  systemone_fault_nan: ANSWERED,
  systemone_fault_nfd_keys: {t: /no probability of `café`/},
  systemone_fault_no_usage: ANSWERED,
  systemone_fault_noul_range: {urgent: /not between 0 and 1/},
  systemone_fault_order_leaks: ANSWERED,
  systemone_fault_plain_content_type: ANSWERED,
  systemone_fault_score_argmax: {frustration: /Its score is 1, and its probabilities have the mean 1\.353/},
  systemone_fault_score_keys_1_based: {frustration: /no probability of `0`/},
  systemone_fault_score_no_legend: ANSWERED,
  systemone_fault_score_sum: {frustration: /sum to 0\.8000, not 1/},
  systemone_fault_text_errors: /at least 1 item/,
  systemone_fault_unprefixed_extra: ANSWERED,
  systemone_fault_validation_400: /at least 1 item/,
  systemone_fault_xssi_200: ANSWERED,
  systemone_noise_1: ANSWERED,
  systemone_noise_2: ANSWERED,
  systemone_noul: ANSWERED,
  systemone_noul_one_sided_no_instructions: ANSWERED,
  systemone_one_question_renamed: ANSWERED,
  systemone_options_reordered: ANSWERED,
  systemone_reordered: ANSWERED,
  systemone_score: ANSWERED,
  // One level leaves nothing to ask.
  systemone_score_1_level: /to be 2 or more, got 1/,
  systemone_score_2_levels: ANSWERED,
  systemone_state_array: ANSWERED_TO_OTHERS,
  systemone_state_object: ANSWERED_TO_OTHERS,
  systemone_structured_instructions: ANSWERED_TO_OTHERS,
  systemone_three_types: ANSWERED,
  systemone_unicode_ids_and_options: ANSWERED,
  systemone_unknown_field: ANSWERED_TO_OTHERS,
  systemone_with_key: ANSWERED,
};

/** The outcome of each question, or the error that ends the call. */
async function outcomesOf(capture: Capture): Promise<readonly Outcome<'gray-box'>[] | Error> {
  try {
    return await replayed(capture).ask();
  } catch (error) {
    return error as Error;
  }
}

type Fields = Readonly<Record<string, Json>>;

/** The numbers of an answer as they stand in the body, in their order. */
function numbersIn(answer: Fields): readonly number[] {
  const {probabilities} = answer;
  if (Array.isArray(probabilities))
    return (probabilities as readonly Fields[]).map(entry => entry['probability'] as number);
  const yes = answer['noul'] ?? answer['probability'];
  return yes === undefined
    ? (Object.values(probabilities as Fields) as number[])
    : [1 - (yes as number), yes as number];
}

function answersIn({response}: Capture): Fields | readonly Fields[] {
  const {body} = response;
  const root = (
    typeof body === 'string' ? JSON.parse(body.replace(/^\)\]\}'/, '').replace('NaN', '0')) : body
  ) as Fields;
  return ((root['result'] ?? root) as Fields)['answers'] as Fields;
}

describe('a captured reply', () => {
  it('is expected for each file', () => {
    expect(captureNames()).toEqual(Object.keys(EXPECTED).sort());
  });

  it.each(Object.entries(EXPECTED))('of %s is answered or says what is wrong', async (name, expected) => {
    const capture = captureOf(name);
    const outcomes = await outcomesOf(capture);
    if (expected instanceof RegExp) {
      const problems = outcomes instanceof Error ? [outcomes.message] : problemsIn(outcomes);
      for (const problem of problems) expect(problem).toMatch(expected);
      for (const problem of problems) expect(problem).not.toMatch(/charged twice|test-key/);
      return;
    }
    if (outcomes instanceof Error) throw outcomes;
    const {queries, teacher} = replayed(capture);
    const answers = answersIn(capture);
    for (const [row, outcome] of outcomes.entries()) {
      const question = queries[row]!.question!;
      const wrong = typeof expected === 'string' ? undefined : expected[question.name];
      if (wrong) {
        expect(problemsIn([outcome])[0]).toMatch(wrong);
        continue;
      }
      const {answer} = outcome as Extract<typeof outcome, {readonly answer: unknown}>;
      const printed = numbersIn((Array.isArray(answers) ? answers[row] : (answers as Fields)[question.name]) as Fields);
      const read = new Array<number>(classesOf(question).length).fill(0);
      if (answer.kind === 'top-k') {
        for (const [at, own] of answer.classes.entries()) read[own] = Math.exp(answer.logProbabilities[at]!);
        expect(answer.rest).toBeCloseTo(1 - printed.reduce((sum, value) => sum + value, 0), 6);
      } else if (answer.kind === 'log-probabilities') {
        for (const [own, value] of answer.logProbabilities.entries()) read[own] = Math.exp(value);
      }
      const isSglangPredicate = question.type === 'predicate' && name.includes('sglang');
      const wanted = isSglangPredicate ? printed.toReversed() : printed;
      expect(read).toHaveLength(wanted.length);
      for (const [own, value] of read.entries()) expect(value).toBeCloseTo(wanted[own]!, 6);
      expect(answer.kind).toBe(teacher.detail.kind);
    }
  });

  const alike = Object.keys(EXPECTED).filter(
    name => EXPECTED[name] === ANSWERED || !(EXPECTED[name] instanceof RegExp),
  );
  it.each(alike.filter(name => EXPECTED[name] !== ANSWERED_TO_OTHERS && name !== 'from-types-openai-boolean_choice'))(
    'of %s came to the request that is sent',
    async name => {
      const capture = captureOf(name);
      const {network, ask} = replayed(capture);
      await ask();
      expect(network.sent).toHaveLength(1);
      const {prompt_cache_key, prompt_cache_options, ...body} = capture.request.body as Fields;
      expect(network.sent[0]!.body).toEqual(body);
      expect(JSON.stringify(network.sent[0]!.body)).toBe(JSON.stringify(body));
    },
  );
});

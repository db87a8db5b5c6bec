import {z} from 'zod';
import type {Question} from '../teacher.ts';
import {rounded, type ServedClassifier, type Verdict, verdictsOn} from './classifier.ts';
import {RequestFailure} from './failure.ts';
import {datatypeOf, INPUT_NAME, questionsIn} from './input-tensor.ts';
import {type Route, route} from './router.ts';

const FIELDS = ['text', 'texts', 'input', 'inputs'] as const;

const classifyRequest = z.object({
  text: z.string().optional(),
  texts: z.array(z.string()).optional(),
  input: z.unknown().optional(),
  inputs: z.array(z.unknown()).optional(),
});

/**
 * The plain place: `POST /classify` with `text` or `input` answers with the class, how sure that is, and the probabilities;
 * with `texts` or `inputs`, with `results`, one each. An input is a text, or nested lists of numbers.
 */
export function classifyRoutes(model: ServedClassifier): readonly Route[] {
  return [
    route('POST', '/classify', async ({body, signal}) => {
      const {values, isOne} = valuesIn(await body());
      const questions = values.map((value, place) => questionOf(model, value, place));
      const results = (await verdictsOn(model, questions, signal)).map(shownVerdict);
      return {body: isOne ? results[0]! : {results}};
    }),
  ];
}

function valuesIn(body: unknown): {readonly values: readonly unknown[]; readonly isOne: boolean} {
  const parsed = classifyRequest.safeParse(body);
  if (!parsed.success) throw new RequestFailure(400, z.prettifyError(parsed.error));
  const given = FIELDS.filter(field => parsed.data[field] !== undefined);
  const [field] = given;
  if (field === undefined || given.length > 1) {
    throw new RequestFailure(400, 'Give one of `text`, `texts`, `input` and `inputs`.');
  }
  const value = parsed.data[field];
  const isOne = field === 'text' || field === 'input';
  return {values: isOne ? [value] : (value as readonly unknown[]), isOne};
}

function questionOf({input: served}: ServedClassifier, value: unknown, place: number): Question {
  if (typeof value === 'string') {
    if (served?.kind === 'tensor') throw new RequestFailure(400, `Input ${place} is a text; the model takes numbers.`);
    return {input: {kind: 'text', text: value}};
  }
  if (served?.kind === 'text') throw new RequestFailure(400, `Input ${place} is not a text.`);
  const shape = shapeOfNested(value, place);
  const datatype = served ? datatypeOf(served) : 'FP32';
  const [question] = questionsIn({name: INPUT_NAME, datatype, shape: [1, ...shape], data: [value].flat(99)}, served);
  return question!;
}

/** Lengths of nested lists; lists of several lengths are found by their number of values. */
function shapeOfNested(value: unknown, place: number): readonly number[] {
  const shape: number[] = [];
  for (let part = value; Array.isArray(part); part = part[0]) shape.push(part.length);
  if (shape.length > 0 && !shape.includes(0)) return shape;
  throw new RequestFailure(400, `Input ${place} is neither a text nor a list of numbers.`);
}

function shownVerdict({label, shares, about}: Verdict): object {
  const {confidence, ...rest} = about;
  const probabilities = shares?.map(({name, probability}) => [name, rounded(probability)] as const);
  return {
    label,
    ...(confidence !== undefined && {confidence}),
    ...(probabilities && {probabilities: Object.fromEntries(probabilities)}),
    ...rest,
  };
}

import {z} from 'zod';
import type {Query} from '../teacher.ts';
import {mapInSlices, modelNamed, rounded, type ServedClassifier, type Verdict, verdictsOn} from './classifier.ts';
import {RequestFailure, type Route, route, type ServedRequest} from './router.ts';
import {datatypeOf, INPUT_NAME, inputIn, queriesIn} from './tensors.ts';

const FIELDS = ['text', 'texts', 'input', 'inputs'] as const;

const classifyRequest = z.object({
  text: z.string().optional(),
  // The elements are checked after they are counted.
  texts: z.custom<readonly unknown[]>(Array.isArray, 'Expected an array').optional(),
  input: z.unknown().optional(),
  inputs: z.custom<readonly unknown[]>(Array.isArray, 'Expected an array').optional(),
  question: z.string().optional(),
});

/**
 * The plain route. `POST /classify` with `text` or `input` returns the class, its confidence and the probabilities.
 * With `texts` or `inputs` it returns `results`, one for each. An input is a text, an image as a data URL, a record as an
 * object, or nested lists of numbers. If there are several models, `question` names one.
 */
export function classifyRoutes(models: readonly ServedClassifier[]): readonly Route[] {
  return [
    route('POST', '/classify', async ({body, takeInputs, signal}) => {
      const {values, isOne, question} = valuesIn(await body(), takeInputs);
      const model = modelNamed(models, question, 'question');
      const queries = values.map((value, index) => queryOf(model, value, index));
      const verdicts = await verdictsOn(model, queries, signal);
      const results = await mapInSlices(verdicts, verdict => JSON.stringify(shownVerdict(verdict)));
      return {body: isOne ? results[0]! : `{"results":[${results.join()}]}`};
    }),
  ];
}

function valuesIn(
  body: unknown,
  takeInputs: ServedRequest['takeInputs'],
): {readonly values: readonly unknown[]; readonly isOne: boolean; readonly question: string | undefined} {
  const parsed = classifyRequest.safeParse(body);
  if (!parsed.success) throw new RequestFailure(400, z.prettifyError(parsed.error));
  const given = FIELDS.filter(field => parsed.data[field] !== undefined);
  const [field] = given;
  if (field === undefined || given.length > 1) {
    throw new RequestFailure(400, 'Give one of `text`, `texts`, `input` and `inputs`.');
  }
  const value = parsed.data[field];
  const isOne = field === 'text' || field === 'input';
  const values = isOne ? [value] : (value as readonly unknown[]);
  takeInputs(values.length);
  const other = field === 'texts' ? values.findIndex(text => typeof text !== 'string') : -1;
  if (other !== -1) throw new RequestFailure(400, `Input ${other} is not a text.`);
  return {values, isOne, question: parsed.data.question};
}

/**
 * Makes a query of a text, an image, a record or nested lists of numbers.
 *
 * @param index - of the input in its request
 * @throws RequestFailure 400 if the model doesn't take it
 */
export function queryOf({input: served, asked}: ServedClassifier, value: unknown, index: number): Query {
  const isNested = typeof value !== 'string' && (served === undefined ? !isRecord(value) : served.kind === 'tensor');
  if (!isNested) return {...asked, input: inputIn(value, served?.kind, index)};
  const shape = shapeOfNested(value, index);
  const datatype = served ? datatypeOf(served) : 'FP32';
  const [query] = queriesIn({name: INPUT_NAME, datatype, shape: [1, ...shape], data: [value].flat(99)}, served);
  return {...asked, ...query!};
}

function isRecord(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Lengths of nested lists. The number of values later reveals lists of unequal lengths. */
function shapeOfNested(value: unknown, index: number): readonly number[] {
  const shape: number[] = [];
  for (let part = value; Array.isArray(part); part = part[0]) shape.push(part.length);
  if (shape.length > 0 && !shape.includes(0)) return shape;
  throw new RequestFailure(400, `Input ${index} is neither a text nor a list of numbers.`);
}

function shownVerdict({label, shares, about}: Verdict): object {
  const {confidence, ...rest} = about;
  const probabilities = shares && Object.fromEntries(shares.map(({name, probability}) => [name, rounded(probability)]));
  return {label, confidence, probabilities, ...rest};
}

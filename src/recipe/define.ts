import {z} from 'zod';
import {isDetail} from '../ask/collect-questions.ts';
import {InputError} from '../errors.ts';
import {questionSchema} from '../knowledge/question-schema.ts';
import {LEVELS} from '../levels.ts';
import type {LossTerm} from '../losses/loss.ts';
import type {Question} from '../question.ts';
import type {Access} from '../teacher.ts';
import {assistantSchema, type CheckedAssistant, checkAssisted} from './assisted.ts';
import {isLosses, perQuestion, problemsByQuestion} from './by-question.ts';
import {conditionProblems, conditionsSchema, isAbout, type RecipeConditions} from './conditions.ts';
import {explainIssue} from './explain-issue.ts';
import {problemWithName} from './method-names.ts';
import {methodFolder} from './methods.ts';
import type {Method, MethodViews, Recipe, RecipeData} from './recipe.ts';
import {checkSeveral} from './several.ts';
import {checkVectors, learnsVectors} from './vectors.ts';
import {writingSchema} from './writing.ts';

/**
 * Checks a recipe, so that a slip is found before anything is asked or paid.
 *
 * @throws InputError that names the path, and the nearest known key for an unknown one
 */
export function defineRecipe<Data extends RecipeData>(recipe: Recipe<Data>): Recipe<Data> {
  const checked = recipeSchema.safeParse(recipe);
  const problems = checked.success
    ? problemsByQuestion(recipe)
    : checked.error.issues.flatMap(issue => explainIssue(issue, recipeSchema, recipe));
  if (problems.length > 0) {
    throw new InputError(`The recipe is not right:\n${problems.map(problem => `  ${problem}`).join('\n')}`);
  }
  return recipe;
}

const aFunction = z.custom<(...values: never[]) => unknown>(
  value => typeof value === 'function',
  'expected a function',
);
const isStudents = (value: unknown): boolean =>
  typeof value === 'function' ||
  value === 'auto' ||
  (Array.isArray(value) && value.length > 1 && value.every(builder => typeof builder === 'function'));
const aCount = z.int().min(1);
const aSeed = z.int();
const channels = z.union([z.number(), z.array(z.number())], 'expected a number, or one a channel');
const preprocessing = z.preprocess(
  value => (value === 'standardise' ? {} : value),
  z.strictObject(
    {scale: z.number().optional(), mean: channels.optional(), deviation: channels.optional()},
    {error: ({code}) => (code === 'invalid_type' ? "expected `'standardise'`, or an object with numbers" : undefined)},
  ),
);
const taskOptions = {
  preprocessing: preprocessing.optional(),
  images: z
    .strictObject({height: aCount.optional(), width: aCount.optional(), channels: z.literal([1, 3]).optional()})
    .optional(),
  records: z.strictObject({buckets: aCount.optional(), columns: z.array(z.string()).optional()}).optional(),
};
const detail = z.discriminatedUnion('kind', [
  z.strictObject({kind: z.literal('label')}),
  z.strictObject({kind: z.literal('votes')}),
  z.strictObject({kind: z.literal('expected')}),
  z.strictObject({kind: z.literal('top-k'), k: aCount}),
  z.strictObject({kind: z.literal('log-probabilities')}),
  z.strictObject({kind: z.literal('logits'), features: z.array(z.string()).optional()}),
  z.strictObject({kind: z.literal('vector')}),
]);
const lossTerm = z.custom<LossTerm>(
  value => typeof (value as LossTerm | null)?.prepare === 'function',
  'expected a loss, such as softLabels({temperature: 4})',
);
const losses = z.array(lossTerm).min(1, 'give at least one loss');
const aView = z.custom(
  value => typeof (value as {render?: unknown} | null)?.render === 'function',
  'expected a view, such as crop()',
);
const training = z.strictObject({
  epochs: aCount.optional(),
  steps: aCount.optional(),
  batchSize: aCount.optional(),
  balance: z.number().min(0).max(1).optional(),
  optimizer: z
    .custom(
      value => typeof (value as {start?: unknown} | null)?.start === 'function',
      'expected an optimizer, such as adam()',
    )
    .optional(),
  schedule: aFunction.optional(),
  clipNorm: z.number().positive().optional(),
  validateEvery: aCount.optional(),
  earlyStopping: z.strictObject({patience: aCount}).optional(),
  questionWeights: z.record(z.string(), z.number().positive()).optional(),
  view: aView.optional(),
});
const triedValues = z.array(z.number().positive()).min(1, 'give at least one value').optional();
const tune = z.union(
  [
    z.literal(true),
    z.strictObject({temperatures: triedValues, weights: triedValues, reduction: z.int().min(2).optional()}),
  ],
  'expected `true`, or an object with `temperatures`, `weights` (lists of numbers above 0) or `reduction` (2 or more)',
);
const aShare = z.number().min(0).max(1);
const strategy = z.custom(
  value => typeof (value as {choose?: unknown} | null)?.choose === 'function',
  'expected a strategy, such as margin()',
);
const select = z.strictObject({
  by: strategy,
  start: strategy.optional(),
  held: aCount.optional(),
  first: aCount.optional(),
  size: aCount.optional(),
  explore: aShare.optional(),
  among: aCount.optional(),
  stop: z.strictObject({agreement: aShare.optional(), gain: aShare.optional()}).optional(),
});
const method = z.strictObject({
  level: z.enum(['none', 'black-box', 'gray-box', 'white-box']),
  method: z.string().min(1),
  detail: perQuestion(detail, isDetail).optional(),
  losses: perQuestion(losses, isLosses),
  asks: aFunction.optional(),
  views: z.strictObject({view: aView, count: aCount.optional(), clean: z.boolean().optional()}).optional(),
  select: select.optional(),
  tune: tune.optional(),
});

const recipeSchema = z
  .strictObject({
    name: z
      .string()
      .regex(/^\w[\w.-]*$/, 'use letters, digits and underscores, after the first one also dots and hyphens'),
    questions: z.array(questionSchema).min(1, 'give at least one question').optional(),
    data: aFunction,
    transfer: z.strictObject({size: aCount, seed: aSeed.optional()}),
    teachers: z.strictObject({
      'black-box': aFunction.optional(),
      'gray-box': aFunction.optional(),
      'white-box': aFunction.optional(),
    }),
    teacherModel: z
      .strictObject({
        directory: z.string().min(1),
        student: aFunction,
        ...taskOptions,
        losses,
        seed: aSeed,
        training: training.optional(),
      })
      .optional(),
    student: z.custom<Recipe['student']>(isStudents, "expected a function, two or more to choose among, or 'auto'"),
    ...taskOptions,
    methods: z.array(method).min(1, 'give at least one method'),
    seeds: z.array(aSeed).min(1, 'give at least one seed'),
    budgets: z.array(aCount).min(2, 'give two budgets at least; one is `transfer.size`').optional(),
    training: training.omit({view: true}).optional(),
    calibration: z
      .strictObject({
        folds: z.int().min(2).optional(),
        agreement: z.number().min(0).lt(1, 'nothing proves that no answer differs: give a share below 1').optional(),
        confidence: z.number().gt(0).lt(1, 'no number of answers makes certain: give a share below 1').optional(),
        share: z.number().gt(0).max(0.5, 'more train than calibrate: give 0.5 at most').optional(),
      })
      .optional(),
    assistant: assistantSchema.optional(),
    trustsScores: z.boolean().optional(),
    hasPermission: z.boolean().optional(),
    check: conditionsSchema.optional(),
    repeatability: z.strictObject({inputs: aCount}).optional(),
    writer: writingSchema.optional(),
  })
  .superRefine(checkAcrossFields);

interface CheckedFields {
  readonly questions?: readonly Question[] | undefined;
  readonly student: unknown;
  readonly methods: readonly (Pick<Method, 'level' | 'method' | 'losses'> &
    Partial<Record<'asks' | 'views' | 'select' | 'tune', unknown>>)[];
  readonly teachers: Readonly<Partial<Record<Access, unknown>>>;
  readonly seeds: readonly number[];
  readonly budgets?: readonly number[] | undefined;
  readonly training?: TrainingLength | undefined;
  readonly assistant?: CheckedAssistant | undefined;
  readonly check?: RecipeConditions | undefined;
  readonly teacherModel?: {readonly training?: TrainingLength | undefined} | undefined;
}

type TrainingLength = Partial<Readonly<Record<'epochs' | 'steps' | 'balance', number | undefined>>> & {
  readonly questionWeights?: Readonly<Record<string, number>> | undefined;
};

function checkAcrossFields(fields: CheckedFields, context: z.RefinementCtx): void {
  const {methods, teachers, seeds, budgets, training, check, teacherModel} = fields;
  const add = (path: (string | number)[], message: string) => context.addIssue({code: 'custom', path, message});
  if (fields.questions) checkSeveral(fields, fields.questions, add);
  if (Object.values(teachers).every(teacher => teacher === undefined)) {
    add(['teachers'], 'give one at least: students are measured against it');
  }
  const lengths = [
    {path: ['training'], ...training},
    {path: ['teacherModel', 'training'], ...teacherModel?.training},
  ];
  for (const {path, epochs, steps, questionWeights} of lengths) {
    if (questionWeights && !fields.questions) add([...path, 'questionWeights'], 'the recipe has no `questions`');
    if (epochs !== undefined && steps !== undefined) add([...path, 'steps'], 'leave it out, or `epochs`');
  }
  const folders = new Map<string, string>();
  for (const [index, {level, method, asks, views, select}] of methods.entries()) {
    // Some file systems take upper and lower case for the same.
    const folder = methodFolder(method).toLowerCase();
    const problem = problemWithName(method, folder, folders.get(folder));
    if (problem !== undefined) add(['methods', index, 'method'], problem);
    folders.set(folder, method);
    if (level !== 'none' && !LEVELS.slice(LEVELS.indexOf(level)).some(access => teachers[access] !== undefined)) {
      add(['methods', index, 'level'], `add a ${level} teacher to \`teachers\`, or one that shows more`);
    }
    if (level === 'none' && asks !== undefined) {
      add(['methods', index, 'asks'], 'true labels are asked of nobody: leave it out, or choose a level');
    }
    if (level === 'none' && select !== undefined) {
      add(['methods', index, 'select'], 'true labels are there for all inputs: leave it out, or choose a level');
    }
    const {count, clean} = (views ?? {}) as Partial<MethodViews>;
    if (clean !== undefined && count === undefined) {
      add(['methods', index, 'views', 'clean'], 'is about views that are counted: give `count` as well');
    }
    if (count !== undefined && select !== undefined) {
      add(['methods', index, 'select'], 'inputs are chosen as they are: leave it out, or `count` of `views`');
    }
  }
  if (check !== undefined && !methods.some(method => isAbout(check, method))) {
    add(['check'], 'no method has this name and level');
  }
  if (methods.some(learnsVectors)) checkVectors(fields, add);
  if (fields.assistant !== undefined) checkAssisted({...fields, assistant: fields.assistant}, add);
  for (const [key, problem] of conditionProblems(check, fields.questions)) add(['check', key], problem);
  if (new Set(seeds).size < seeds.length) add(['seeds'], 'a seed stands twice');
  if (new Set(budgets).size < (budgets?.length ?? 0)) add(['budgets'], 'a budget stands twice');
}

import {type Inputs, inputAt, type TensorInputs} from '../../data/inputs.ts';
import {InputError, KnowledgeError} from '../../errors.ts';
import {labelOf} from '../../knowledge/coarsen.ts';
import {checkOptions, kinds, oneOf, type Shape} from '../../options.ts';
import type {Input, Outcome, Teacher, TensorInput} from '../../teacher.ts';
import {queriesAbout} from '../collect.ts';
import {BoundaryLine, BoundarySearch, distanceBetween, searchTogether} from './boundary-search.ts';
import {type BoundaryForm, boundaryTargets} from './boundary-targets.ts';
import {composed, digestInputs, errorOfPart, passUnanswerable} from './composed.ts';

export interface BoundaryOptions {
  /**
   * Inputs that lead to the other classes, some of each class. The teacher itself is asked for their classes. Inputs of
   * the transfer set add no cost.
   */
  readonly references: Inputs;
  /**
   * How many references of each class are used: the nearest ones.
   *
   * @default 2
   */
  readonly nearest?: number;
  /**
   * How often each line is halved. With 8, a distance is known to 2⁻⁸ of it.
   *
   * @default 8
   */
  readonly bisections?: number;
  /**
   * The most queries about points around one input. If they don't suffice, all lines are halved equally often, and at
   * the end the shortest ones once more.
   *
   * @default nearest · bisections · (classes − 1)
   */
  readonly most?: number;
  /**
   * How distances become a distribution: 1 / d as logits, with their sum for the own class, as in DB3KD; or 0.9 for the
   * own class and d⁻⁴ for the others, which is limbeck's own formula.
   *
   * @default 'inverse'
   */
  readonly form?: BoundaryForm;
  /**
   * T of the form `inverse`. Its logits depend on the unit of distances: distances of bytes count 255 as 1, all others
   * use the values as they are.
   *
   * @default 1
   */
  readonly temperature?: number;
}

const KINDS = {
  references: kinds.object,
  nearest: kinds.number,
  bisections: kinds.number,
  most: kinds.number,
  form: oneOf('inverse', 'power'),
  temperature: kinds.number,
} satisfies Shape<BoundaryOptions>;

/** Changes whenever the same answers of the teacher would give another result. */
const VERSION = 1;

/**
 * Estimates a distribution for a teacher that shows labels alone: the nearer the boundary of a class is to the input,
 * the more probable the class. This is the boundary distance of DB3KD: Wang (2021), Zero-shot knowledge distillation
 * from a decision-based black-box model (ICML). On the line from the input to a reference of each other class, a
 * bisection asks the teacher for the point at which that class begins. The distance (L2) to the nearest such point
 * counts.
 *
 * An input takes 1 query, and up to nearest · bisections · (classes − 1) more: 144 for 10 classes. It takes fewer if a
 * line can no longer be the shortest of its class. Each reference takes one query. All answers are kept, like every
 * answer of a part.
 *
 * For tensors. Points have the input's type. Integer points are rounded, so a distance is the distance to an integer
 * point, and equal points are asked about once.
 *
 * @throws InputError if an option is out of its range
 * @throws KnowledgeError, when it is asked, if the teacher gives some class to no reference
 */
export function boundary(teacher: Teacher, options: BoundaryOptions): Teacher<'black-box'> {
  checkOptions('boundary', options, KINDS, ['references']);
  const {references, ...settings} = checked(teacher, options);
  const {nearest, bisections, most, form, temperature} = settings;
  const {classes, name} = teacher;
  const beforehand = [...queriesAbout({inputs: references})];
  return composed<'black-box', References>({
    name: `boundaries of ${name}`,
    identity: {boundary: teacher.identity, references: digestInputs(references), ...settings, version: VERSION},
    access: 'black-box',
    classes,
    detail: {kind: 'log-probabilities'},
    parts: [{teacher, detail: {kind: 'label'}, further: most, beforehand}],
    async prepare([ask], options) {
      return referencesBy(references, await ask!(beforehand, options), teacher);
    },
    async answer(queries, [ask], {onSettled, ...options}, known) {
      const labels = await ask!(queries, options);
      const searches = queries.map(({input}, row) => {
        const outcome = labels[row]!;
        if ('error' in outcome) return errorOfPart(outcome.error, teacher);
        if (!isLike(input, references)) return otherInput(name, references);
        const label = labelOf(outcome.answer);
        return new BoundarySearch(label, linesFrom(input, label, known, nearest), most);
      });
      const found = searches.filter(search => search instanceof BoundarySearch);
      onSettled?.(searches.length - found.length);
      await searchTogether(found, {
        ...{bisections, onSettled},
        ask: some => ask!(some, options),
      });
      return searches.map((search): Outcome<'black-box'> => {
        if (search instanceof Error) return {error: search};
        if (search.error) return {error: errorOfPart(search.error, teacher)};
        const logProbabilities = boundaryTargets(search.distances(classes.length), search.own, {form, temperature});
        return {answer: {kind: 'log-probabilities', logProbabilities}};
      });
    },
  });
}

function isLike(input: Input, {dtype, shape}: TensorInputs): input is TensorInput {
  return input.kind === 'tensor' && input.dtype === dtype && `${input.shape}` === `${shape}`;
}

function otherInput(name: string, {dtype, shape}: TensorInputs): InputError {
  return new InputError(
    `Teacher ${name} is asked about ways to references that are ${dtype} [${shape.join(', ')}], and this input is not. ` +
      "Give it references of the inputs' own type and shape.",
  );
}

type Settings = Required<Omit<BoundaryOptions, 'references'>> & {readonly references: TensorInputs};

function checked({classes, name}: Teacher, options: BoundaryOptions): Settings {
  const {references, nearest = 2, bisections = 8, form = 'inverse', temperature = 1} = options;
  const whole = {nearest, bisections, most: options.most ?? nearest * bisections * (classes.length - 1)};
  for (const [option, value] of Object.entries(whole)) {
    if (Number.isSafeInteger(value) && value >= 1) continue;
    throw new InputError(`Expected \`${option}\` of boundary to be a whole number above 0, got ${value}.`);
  }
  if (!(temperature > 0 && temperature < Number.POSITIVE_INFINITY)) {
    throw new InputError(`Expected \`temperature\` of boundary to be a number above 0, got ${temperature}.`);
  }
  if (form === 'power' && options.temperature !== undefined) {
    throw new InputError('`temperature` is of the form `inverse`; `power` has none. Leave it out.');
  }
  if (form === 'inverse' && classes.length === 2) {
    throw new InputError(
      `Teacher ${name} has two classes, of which the form \`inverse\` makes the same number each. Take \`power\`.`,
    );
  }
  checkReferences(references);
  return {references, ...whole, form, temperature};
}

/** Inputs by the class that the teacher gives them. */
type References = ReadonlyMap<number, readonly TensorInput['data'][]>;

/**
 * References by the teacher's label for each. References that it can't answer are left out.
 *
 * @throws the error of a reference that can still get an answer
 * @throws KnowledgeError if a class has no reference
 */
function referencesBy(
  inputs: TensorInputs,
  outcomes: readonly Outcome[],
  {name, classes}: {readonly name: string; readonly classes: readonly string[]},
): References {
  const references = new Map<number, TensorInput['data'][]>(classes.map((_, label) => [label, []]));
  for (const [index, outcome] of outcomes.entries()) {
    if ('error' in outcome) {
      passUnanswerable(outcome.error);
      continue;
    }
    const label = labelOf(outcome.answer);
    references.get(label)!.push((inputAt(inputs, index) as TensorInput).data);
  }
  const missing = classes.filter((_, label) => references.get(label)!.length === 0);
  if (missing.length === 0) return references;
  throw new KnowledgeError(
    `Teacher ${name} says of none of the ${inputs.count} references that it is of class ${missing.join(', ')}, so that ` +
      'nothing leads to the boundary of that. Give it references of every class.',
  );
}

/** The lines to the nearest references of every other class, by class. */
function linesFrom(
  input: TensorInput,
  own: number,
  references: References,
  nearest: number,
): ReadonlyMap<number, readonly BoundaryLine[]> {
  const lines = new Map<number, readonly BoundaryLine[]>();
  for (const [label, others] of references) {
    if (label === own) continue;
    const byDistance = others
      .map(data => new BoundaryLine(input, data, label, distanceBetween(input.data, data)))
      // A teacher that samples can give the same input another label.
      .filter(({distance}) => distance > 0)
      .sort((one, other) => one.distance - other.distance);
    lines.set(label, byDistance.slice(0, nearest));
  }
  return lines;
}

/** @throws InputError if the references are texts */
function checkReferences(references: Inputs): asserts references is TensorInputs {
  if (references.kind === 'tensor') return;
  throw new InputError(
    'A boundary is looked for between tensors, and these references are texts. Ask for votes of those.',
  );
}

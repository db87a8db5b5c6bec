import {mixSeed} from '../../data/random.ts';
import {type View, viewInputs} from '../../data/view.ts';
import {InputError, LimbeckError, TeacherError} from '../../errors.ts';
import {oneOfKind} from '../../input-kinds.ts';
import {checkOptions, kinds, type Shape} from '../../options.ts';
import {digestQuery} from '../../store/stored-answer.ts';
import type {Outcome, Part, Query, Teacher} from '../../teacher.ts';
import type {LayerOptions} from '../layer.ts';
import {type Combined, combine, partShowing, shownBy, unknownBest} from './combination.ts';
import {composed, errorOfPart} from './composed.ts';
import {type AskPart, byWholes, samplesOf} from './parts.ts';
import {checkStop, leadsSurely, type StopRule} from './sure-lead.ts';

export interface RepeatOptions {
  /** The most samples of each query: 0, 1, … */
  readonly samples: number;
  /**
   * Every sample but the first asks about such a view of the input. The view depends only on the input's content and
   * the number of the sample. `noise({deviation})` gets votes from a teacher that always answers the same query alike.
   *
   * @default every sample asks about the input itself
   */
  readonly view?: View;
  /**
   * Every sample but the first asks about the text in other words.
   *
   * @default every sample asks about the text itself
   */
  readonly paraphrase?: Paraphrase;
  /**
   * When to stop asking about a query. For votes only.
   *
   * @default after `samples`
   */
  readonly stop?: StopRule;
}

const KINDS = {
  samples: kinds.number,
  view: kinds.object,
  paraphrase: kinds.object,
  stop: kinds.object,
} satisfies Shape<RepeatOptions>;
const STOP_KINDS = {sure: kinds.number, least: kinds.number} satisfies Shape<StopRule>;

/**
 * Asks a teacher the same query several times. The answer is the votes, or the mean if the teacher shows distributions.
 * The teacher varies its samples itself, for example the order in which a chat model is shown the classes; otherwise
 * the `view` or the paraphrase varies them. A teacher that ignores `sample` and always sees the same input is asked
 * just as often, and gives the same answer each time.
 *
 * With `stop` it asks in rounds, each half as large as all before it, and stops asking about clear queries.
 *
 * @throws InputError if an option is out of its range, or would change nothing
 */
export function repeat(teacher: Teacher<'black-box'>, options: RepeatOptions): Teacher<'black-box'>;
export function repeat(teacher: Teacher<'gray-box' | 'white-box'>, options: RepeatOptions): Teacher<'gray-box'>;
export function repeat(teacher: Teacher, options: RepeatOptions): Teacher<'black-box' | 'gray-box'>;
export function repeat(teacher: Teacher, options: RepeatOptions): Teacher<Combined> {
  checkOptions('repeat', options, KINDS, ['samples']);
  if (options.stop) checkOptions('`stop` of repeat', options.stop, STOP_KINDS, ['sure']);
  checkValues(teacher, options);
  const {samples, stop} = options;
  const {access, detail} = shownBy([teacher]);
  const {classes} = teacher;
  const name = `${teacher.name}, ${stop ? 'up to ' : ''}${samples} times`;
  const part = partOf(teacher, options);
  const weight = detail.kind === 'votes' ? 1 : 1 / samples;
  const made = ({outcomes}: Asked): Outcome<Combined> => {
    const failed = outcomes.find(outcome => 'error' in outcome);
    if (failed && 'error' in failed) return {error: errorOfPart(failed.error, teacher)};
    const shares = outcomes.flatMap(outcome => ('answer' in outcome ? [{answer: outcome.answer, weight}] : []));
    const answer = combine(shares, detail, classes.length);
    return answer ? {answer} : {error: unknownBest(name)};
  };
  return composed({
    ...{name, identity: identityOf(teacher, options), access, classes, detail},
    parts: [part],
    async answer(queries, [ask], {onSettled, ...options}) {
      const rows = queries.map((query): Asked => ({query, outcomes: []}));
      let open: readonly Asked[] = rows;
      for (const [from, to] of roundsOf(part)) {
        const isLast = to === samples;
        await askRound({part, ask: ask!, from, to}, open, {...options, onSettled: isLast ? onSettled : undefined});
        const left = open.filter(row => !isSettled(made(row), stop));
        if (!isLast) onSettled?.(open.length - left.length);
        open = left;
        if (open.length === 0) break;
      }
      return rows.map(made);
    },
  });
}

/** The fewest votes before a lead is judged. */
const LEAST = 4;

/** The total number of samples after a round, as a multiple of the total before it. */
const GROWTH = 1.5;

function partOf(teacher: Teacher, {samples, view, paraphrase, stop}: RepeatOptions): Part {
  return {
    ...partShowing(teacher),
    samples,
    ...(stop && {least: stop.least ?? LEAST}),
    ...(view && {put: viewed(view)}),
    ...(paraphrase && {put: inOtherWords(paraphrase)}),
  };
}

function identityOf({identity}: Teacher, {samples, view, paraphrase, stop}: RepeatOptions): Teacher['identity'] {
  return {
    ...{repeat: identity, samples},
    ...(view && {view: view.name}),
    ...(paraphrase && {paraphrase: paraphrase.name}),
    ...(stop && {stop: {sure: stop.sure, least: stop.least ?? LEAST, growth: GROWTH}}),
  };
}

function isSettled(outcome: Outcome<Combined>, stop: StopRule | undefined): boolean {
  if ('error' in outcome) return true;
  return stop !== undefined && outcome.answer.kind === 'votes' && leadsSurely(outcome.answer.counts, stop.sure);
}

/** The range of samples of each round; the end is excluded. */
function roundsOf({samples = 1, least = samples}: Part): readonly (readonly [from: number, to: number])[] {
  const rounds: [number, number][] = [[0, least]];
  while (rounds.at(-1)![1] < samples) {
    const asked = rounds.at(-1)![1];
    rounds.push([asked, Math.min(samples, Math.ceil(GROWTH * asked))]);
  }
  return rounds;
}

function checkValues(teacher: Teacher, {samples, view, paraphrase, stop}: RepeatOptions): void {
  if (!Number.isSafeInteger(samples) || samples < 1) {
    throw new InputError(`Expected \`samples\` to be a whole number above 0, got ${samples}.`);
  }
  if (view && paraphrase) throw new InputError('A view is of tensors, and a paraphrase of texts. Leave one out.');
  if ((view || paraphrase) && samples === 1) {
    throw new InputError(
      'The first sample asks about the input as it is. Give `samples` above 1, or no other versions.',
    );
  }
  if (view?.takesPartner) {
    throw new InputError(
      `View \`${view.name}\` shows another input as well, which has an answer of its own. Leave it out.`,
    );
  }
  if (paraphrase && paraphrase.name === '') {
    throw new InputError('Give the paraphrase a `name` that changes with it: its texts are part of the answers.');
  }
  if (stop) checkStop(teacher, samples, {least: LEAST, ...stop});
}

type Put = NonNullable<Part['put']>;

/** Texts in other words. */
export interface Paraphrase {
  /** Its name and version, as in `two ways to ask, 1`. Nothing else tells that its texts have changed. */
  readonly name: string;
  /**
   * The text in other words. It must be the same each time, because other words are another query and are bought again.
   *
   * @param sample - from 1
   */
  write(text: string, sample: number): string | Promise<string>;
}

/** Every sample but the first as a view of the input. The seed depends on the input's content and the sample. */
function viewed(view: View): Put {
  return query => {
    const {input, sample = 0} = query;
    if (sample === 0) return query;
    if (input.kind === 'text')
      throw new InputError(`View \`${view.name}\` is of tensors. Give texts a \`paraphrase\`.`);
    if (input.kind !== 'tensor')
      throw new InputError(
        `View \`${view.name}\` is of tensors, and an input is ${oneOfKind(input.kind)}. Leave it out.`,
      );
    const seed = seedOf(query, sample);
    const {data} = viewInputs({...input, count: 1}, view, [seed]);
    return {input: {...input, data}, view: seed, sample};
  };
}

/** Every sample but the first in other words. */
function inOtherWords({name, write}: Paraphrase): Put {
  return async query => {
    const {input, sample = 0} = query;
    if (sample === 0) return query;
    if (input.kind !== 'text') {
      const advice = input.kind === 'tensor' ? 'Give tensors a `view`.' : 'Leave it out.';
      throw new InputError(`Paraphrase \`${name}\` is of texts. ${advice}`);
    }
    const text = await write(input.text, sample);
    if (typeof text === 'string' && text.trim() !== '') return {...query, input: {kind: 'text', text}};
    throw new InputError(
      `Paraphrase \`${name}\` wrote no text for sample ${sample} of \`${input.text.slice(0, 40)}\`.`,
    );
  };
}

/** 0 is the seed of the input itself. */
function seedOf(query: Query, sample: number): number {
  return mixSeed(sample, digestQuery(query).bytes) >>> 0 || 1;
}

/** A query, and the outcomes of its samples so far. */
interface Asked {
  readonly query: Query;
  readonly outcomes: Outcome[];
}

/** Some samples of every query. */
interface Round {
  readonly part: Part;
  readonly ask: AskPart;
  readonly from: number;
  /** One after the last sample. */
  readonly to: number;
}

/**
 * Asks further samples of each query. If a sample can't be made, an error is its outcome.
 *
 * @param options - `onSettled` receives the number of queries whose samples all came
 */
async function askRound(
  {part, ask, from, to}: Round,
  rows: readonly Asked[],
  {onSettled, ...options}: LayerOptions,
): Promise<void> {
  const put = await Promise.all(rows.map(({query}) => putSamples(part, query, from, to)));
  const whole = [...rows.keys()].filter(row => Array.isArray(put[row]));
  onSettled?.(rows.length - whole.length);
  const each = to - from;
  const queries = whole.flatMap(row => put[row] as readonly Query[]);
  const outcomes = await ask(queries, {...options, onSettled: byWholes(each, onSettled)});
  for (const [row, {outcomes: all}] of rows.entries()) {
    const samples = put[row]!;
    if (samples instanceof Error) all.push({error: samples});
  }
  for (const [index, row] of whole.entries()) {
    rows[row]!.outcomes.push(...outcomes.slice(index * each, (index + 1) * each));
  }
}

async function putSamples(part: Part, query: Query, from: number, to: number): Promise<readonly Query[] | Error> {
  try {
    return await samplesOf(part, query, from, to);
  } catch (cause) {
    if (cause instanceof LimbeckError) return cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    return new TeacherError(part.teacher.name, `A version of the query could not be made: ${reason}.`, {cause});
  }
}

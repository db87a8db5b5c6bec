import {TeacherError} from '../../errors.ts';
import type {Access, Answer, Outcome, Query, Teacher} from '../../teacher.ts';
import {type LayeredTeacher, type LayerOptions, layerOver} from '../layer.ts';
import {problemIn} from './problems.ts';

/** The most by which the sum of probabilities differs from 1, if they are not rounded. */
const SLACK = 1e-3;

/** The finest rounding that is told from none. */
const FINEST = 1e-6;

/** A row of logits that passes for probabilities more often than this is no evidence. */
const LEAST_EVIDENCE = 0.12;

/** The chance of a false alarm, at most. */
const FALSE_ALARM = 1e-9;

/** How many inputs without a readable distribution, and no other, show that the scores are not what was declared. */
const MISREAD = 3;

/** If there are others, the misread ones are at least this many, and this many for each of the others. */
const MISREAD_AMONG = 10;

/**
 * Finds out whether a teacher's scores are what its adapter declares. Of a teacher that gives probabilities as logits,
 * students would learn a far too soft distribution.
 *
 * - Logits are probabilities if no row is negative and each sums to 1, as far as the values are rounded. One such row of
 *   logits has a chance of at most twice the tolerance of the sum and one unit of the rounding, if sums are spread over
 *   1 or more: 0.04 for three classes with two decimals. When the product of these chances is below 1e-9, the run ends.
 *   Rows are counted once. Until then such a row is an error of its input. The first row that is none ends the search,
 *   and the rows that came with it pass.
 * - Probabilities are something else if they can't be read (`TeacherError.misread`) for 3 inputs before any can, or for
 *   ten times as many as can.
 */
export class DeclaredScores {
  readonly #teacher: Pick<Teacher, 'name' | 'identity'>;
  readonly #rows = new Set<string>();
  #chance = 1;
  /** The unit to which all rows so far are rounded. */
  #unit = 1;
  #areLogits = false;
  #misread = 0;
  #read = 0;
  #lastMisread: TeacherError | undefined;

  constructor(teacher: Pick<Teacher, 'name' | 'identity'>) {
    this.#teacher = teacher;
  }

  /** The error that ends the run: the scores are not what was declared. */
  get verdict(): TeacherError | undefined {
    if (this.#chance <= FALSE_ALARM && !this.#areLogits) return this.#error(this.#logitsProblem);
    const isMostly = this.#misread >= MISREAD_AMONG && this.#misread >= MISREAD_AMONG * this.#read;
    if (!(isMostly || (this.#read === 0 && this.#misread >= MISREAD))) return undefined;
    const problem = problemIn(this.#lastMisread!, this.#teacher.name);
    return this.#error(`${problem} So it is for ${this.#misread} of ${this.#misread + this.#read} inputs.`);
  }

  /** Notes outcomes, and returns them. Answers that are probabilities instead of logits become errors. */
  check<A extends Access>(outcomes: readonly Outcome<A>[]): readonly Outcome<A>[] {
    for (const outcome of outcomes) if ('answer' in outcome) this.#look(outcome.answer);
    return outcomes.map(outcome => {
      if ('error' in outcome) return this.#noted(outcome);
      const {answer} = outcome;
      if (answer.kind === 'label' || answer.kind === 'votes') return outcome;
      this.#read++;
      if (answer.kind !== 'logits' || !this.#areSuspect(answer.logits)) return outcome;
      const {answer: _, ...rest} = outcome;
      return {...rest, error: this.#error(this.#logitsProblem)};
    });
  }

  /** Notes an error, and names the option in it if it says of which kind the scores are. */
  #noted<O extends {readonly error: Error}>(outcome: O): O {
    const {error} = outcome;
    if (!(error instanceof TeacherError && error.misread)) return outcome;
    this.#misread++;
    this.#lastMisread = error;
    const {identity, name} = this.#teacher;
    const [declare = '', kind] = DECLARE.exec(error.message) ?? [];
    const option = kind === undefined ? undefined : optionFor(identity, kind);
    if (option === undefined) return outcome;
    const problem = problemIn(error, name).replace(declare, `Set \`${option}\`.`);
    this.#lastMisread = new TeacherError(name, problem, {cause: error, misread: true, status: error.status});
    return {...outcome, error: this.#lastMisread};
  }

  /** Looks at a row before any of its call is judged. */
  #look(answer: Answer): void {
    if (answer.kind !== 'logits' || this.#areLogits) return;
    this.#unit = Math.min(this.#unit, roundingOf(answer.logits));
    if (chanceAsLogits(answer.logits, this.#unit) === undefined) this.#areLogits = true;
  }

  #areSuspect(logits: Float32Array): boolean {
    const chance = this.#areLogits ? undefined : chanceAsLogits(logits, this.#unit);
    if (chance === undefined || chance > LEAST_EVIDENCE) return false;
    const row = logits.join();
    if (!this.#rows.has(row)) this.#chance *= chance;
    this.#rows.add(row);
    return true;
  }

  get #logitsProblem(): string {
    const option = optionFor(this.#teacher.identity, 'probabilities');
    const mend = option === undefined ? 'Have its adapter read them as probabilities' : `Set \`${option}\``;
    const count = this.#rows.size === 1 ? 'An answer' : `Each of ${this.#rows.size} different answers`;
    return (
      `It gives probabilities instead of logits. ${count} is 0 or more for every class and sums to 1, which logits do ` +
      `by chance with a probability below ${this.#chance.toExponential(0)}. ${mend}, or have the service give logits.`
    );
  }

  #error(problem: string): TeacherError {
    return new TeacherError(this.#teacher.name, problem);
  }
}

/** The sentence in which an adapter says of which kind scores are. */
const DECLARE = /Declare them as `([\w-]+)`\./;

/** The names of the kinds in an `output` that locates the scores. */
const LOCATED: Readonly<Record<string, string>> = {
  logits: 'logits',
  probabilities: 'probabilities',
  percentages: 'percentages',
  'log-probabilities': 'logProbabilities',
};

/**
 * Returns the option that declares scores as a kind, with its value, for adapters whose identity holds the option as it
 * was given.
 */
function optionFor({output, scores}: Teacher['identity'], kind: string): string | undefined {
  if (typeof scores === 'string') return `scores: '${kind}'`;
  if (typeof output === 'string') return `output: '${kind}'`;
  if (typeof output !== 'object' || output === null) return undefined;
  // `onnx` keeps the tensor apart from its kind.
  if ('tensor' in output) return `output: {${LOCATED[kind]}: '${output['tensor']}'}`;
  const fields = Object.entries(output).map(([field, value]) => {
    const name = Object.values(LOCATED).includes(field) ? LOCATED[kind] : field;
    return `${name}: ${typeof value === 'string' ? `'${value}'` : JSON.stringify(value)}`;
  });
  const isLocated = Object.keys(output).some(field => Object.values(LOCATED).includes(field));
  return isLocated ? `output: {${fields.join(', ')}}` : undefined;
}

/**
 * Returns the most probable chance with which a row of logits passes for probabilities as this one does; undefined if
 * it does not.
 *
 * @param unit - to which all values are rounded
 */
function chanceAsLogits(row: Float32Array, unit: number): number | undefined {
  if (row.length < 2 || row.some(value => value < 0)) return undefined;
  const off = Math.abs(row.reduce((sum, value) => sum + value, 0) - 1);
  const rounding = (row.length * unit) / 2;
  if (off > Math.max(SLACK, rounding) + 1e-6) return undefined;
  // Sums of rounded values are multiples of the unit, and both ends of the range count.
  const isRounded = unit > 2 * FINEST;
  return Math.min(1, 2 * Math.max(off, rounding) + (isRounded ? unit : 0));
}

/** The unit to which all values are rounded, a power of ten. */
function roundingOf(row: Float32Array): number {
  let unit = 1;
  while (unit > FINEST && row.some(value => Math.abs(value / unit - Math.round(value / unit)) > 1e-7 / unit))
    unit /= 10;
  return unit;
}

/**
 * Ends the run if a teacher's scores are not what its adapter declares. The wrong answers are no answers: their raw
 * replies stay in the journal, and the layer that keeps answers quarantines their queries before it throws the verdict.
 */
export function withDeclaredScores<A extends Access>(
  teacher: LayeredTeacher<A>,
  declared: DeclaredScores,
): LayeredTeacher<A> {
  const ask = async (queries: readonly Query[], options?: LayerOptions) => {
    if (declared.verdict) throw declared.verdict;
    return declared.check(await teacher.ask(queries, options));
  };
  return layerOver(teacher, {ask});
}

import type {LayeredTeacher} from '../ask/layer.ts';
import type {Ledger} from '../ask/ledger.ts';
import {satisfies} from '../knowledge/coarsen.ts';
import type {Detail, Input, Query} from '../teacher.ts';
import {Audit, type AuditedInput} from './audit.ts';
import type {Decided, Decider, Decision, Tally} from './decision.ts';
import type {ServedHeads} from './heads.ts';
import {TeacherGateway, type TeacherGatewayOptions} from './teacher-gateway.ts';
import type {StandingChange, WatchedPromise} from './watch.ts';
import type {Watching} from './watching.ts';

/**
 * Who answers. `shadow`: the teacher answers everything. `cascade`: the student answers if it is sure, else the
 * teacher. `student`: the student answers everything.
 */
export type CascadeMode = 'shadow' | 'cascade' | 'student';

export interface CascadeOptions extends TeacherGatewayOptions {
  /** @default 'cascade' */
  readonly mode?: CascadeMode | undefined;
  /**
   * The teacher without its kept answers, see `Asking.openAnew`. Audits use it, and so do all requests while the
   * student is demoted, because kept answers would hide a change of the teacher.
   *
   * @default `teacher`, with its kept answers
   */
  readonly anew?: LayeredTeacher | undefined;
  /**
   * Share of all inputs, from 0 to 1, that are put to the teacher after the reply is sent, whoever answered them. Each
   * is paid for. A tenth of them are asked twice, to measure how repeatable the teacher is.
   *
   * @default 0.02
   */
  readonly audit?: number | undefined;
  /**
   * Seed of the draw of audited inputs.
   *
   * @default a new seed each time
   */
  readonly seed?: number | undefined;
  /**
   * The promise that the audits hold the student to. If the student breaks it, it is demoted.
   *
   * @default the guarantee of its calibration; without one it is never demoted
   */
  readonly promise?: WatchedPromise | undefined;
  /**
   * The file that keeps whether the student is demoted. Each service needs its own.
   *
   * @default none: a restart forgets it
   */
  readonly watchFile?: string | undefined;
  /** Called when the student is demoted or restored. */
  readonly onStanding?: ((change: StandingChange) => void) | undefined;
  /**
   * Counts the teacher's requests and what they cost, see `Asking.open`.
   *
   * @default no money is shown
   */
  readonly ledger?: Ledger;
}

/**
 * A student and a teacher. The teacher is asked only the questions of which the student is not sure, all about one input
 * in one request. If the teacher should answer and doesn't, the student's answer stands and is marked. While
 * the student is demoted, the teacher answers everything. In mode `student` a demoted student still answers, and all
 * its answers are marked.
 */
export class Cascade implements Decider {
  readonly heads: ServedHeads;
  readonly detail: Detail;
  readonly #student: Decider;
  readonly #mode: CascadeMode;
  readonly #teacher: TeacherGateway;
  readonly #anew: TeacherGateway;
  readonly #audit: Audit;
  readonly #watching: Watching | undefined;

  /**
   * @param student - must say when it abstains
   * @param tally - counts the audited inputs
   * @param watching - demotes the student if the audits show a broken promise
   * @throws InputError if teacher and student have different questions or classes, or an option is out of its range
   */
  constructor(
    student: Decider,
    {mode = 'cascade', anew, audit: share = 0.02, seed, ...gateway}: CascadeOptions,
    tally: Tally,
    watching?: Watching,
  ) {
    const {heads} = student;
    this.heads = heads;
    this.#student = student;
    this.#mode = mode;
    this.#teacher = new TeacherGateway(heads, gateway);
    this.#anew = anew ? new TeacherGateway(heads, {...gateway, teacher: anew}) : this.#teacher;
    this.#audit = new Audit({share, seed, gateway: this.#anew, isAnew: anew !== undefined, tally, watching});
    this.#watching = watching;
    const whole: Detail = {kind: 'log-probabilities'};
    const isWhole = satisfies(this.#teacher.detail, whole) && satisfies(student.detail, whole);
    this.detail = mode === 'student' ? student.detail : isWhole ? whole : {kind: 'label'};
  }

  async decide(queries: readonly Query[], signal: AbortSignal): Promise<readonly Decided[]> {
    const drawn = this.#draw(queries);
    const decided = await this.#student.decide(queries, signal);
    const isDemoted = this.#watching?.watch.demoted ?? false;
    const asksAll = this.#mode !== 'student' && (isDemoted || this.#mode === 'shadow');
    const inputs = decided.flatMap((decision, index): CascadeInput[] => {
      if ('error' in decision) return [];
      const isSure = !decision.abstains;
      const isAsked = asksAll || (this.#mode === 'cascade' && !isSure);
      const isDrawn = drawn[index]!;
      const isCompared = asksAll || isDrawn;
      return [{index, query: queries[index]!, student: decision.answer, isSure, isAsked, isDrawn, isCompared}];
    });
    const answered = inputs.filter(({isAsked}) => isAsked);
    const why = isDemoted ? 'demoted' : this.#mode === 'shadow' ? 'shadow' : 'unsure';
    const gateway = isDemoted ? this.#anew : this.#teacher;
    const said = answered.length === 0 ? Promise.resolve([]) : gateway.ask(answered, why, {signal});
    this.#audit.compare({answered, said, unanswered: inputs.filter(input => input.isDrawn && !input.isAsked)});
    const decisions = isDemoted ? decided.map(marked) : [...decided];
    for (const [position, answer] of (await said).entries()) {
      const {index} = answered[position]!;
      decisions[index] =
        typeof answer === 'string'
          ? {...(decided[index] as Decision), abstains: true, fallback: answer}
          : {answer, answeredBy: 'teacher', abstains: false};
    }
    return decisions;
  }

  /** All questions about an input are audited, or none, so that they share a request. */
  #draw(queries: readonly Query[]): readonly boolean[] {
    const drawn = new Map<Input, boolean>();
    return queries.map(({input}) => {
      const isDrawn = drawn.get(input) ?? this.#audit.draw();
      drawn.set(input, isDrawn);
      return isDrawn;
    });
  }

  async settle(): Promise<void> {
    await Promise.all([this.#teacher.settle(), this.#anew.settle()]);
    await this.#audit.settle();
  }
}

interface CascadeInput extends AuditedInput {
  /** Its index in the request. */
  readonly index: number;
  /** True if the teacher answers it. */
  readonly isAsked: boolean;
}

/** Marks the answer of a student that isn't trusted. */
function marked(decided: Decided): Decided {
  return 'error' in decided ? decided : {...decided, abstains: true};
}

import type {LayeredTeacher} from '../ask/layer.ts';
import type {Ledger} from '../ask/ledger.ts';
import {satisfies} from '../knowledge/coarsen.ts';
import type {Detail, Query} from '../teacher.ts';
import {Audit, type AuditedInput} from './audit.ts';
import type {Decided, Decider, Decision} from './decision.ts';
import type {Tally} from './tally.ts';
import {TeacherGateway, type TeacherGatewayOptions} from './teacher-gateway.ts';
import type {StandingChange, WatchedPromise} from './watch.ts';
import type {Watching} from './watching.ts';

/** Who answers: the teacher all; the student where it is sure, the teacher the rest; the student all. */
export type CascadeMode = 'shadow' | 'cascade' | 'student';

export interface CascadeOptions extends TeacherGatewayOptions {
  /** @default 'cascade' */
  readonly mode?: CascadeMode;
  /**
   * The teacher, asked anew whatever is kept of it, see `Asking.openAnew`: for audits, and for all requests while the
   * student is demoted, since what was kept before a change would hide it.
   *
   * @default `teacher`, whose kept answers are then taken as its word
   */
  readonly anew?: LayeredTeacher;
  /**
   * Share of all inputs, from 0 to 1, that the teacher is asked about whoever answers them, after the reply is out. Each is
   * paid for; a tenth of them twice, to learn how repeatable the teacher is.
   *
   * @default 0.02
   */
  readonly audit?: number;
  /**
   * Of the draw of what is audited.
   *
   * @default another one each time
   */
  readonly seed?: number;
  /**
   * What the audits hold the student to: where it breaks its promise it is demoted.
   *
   * @default the guarantee of its calibration; without one it is never demoted
   */
  readonly promise?: WatchedPromise;
  /**
   * The file that keeps whether the student is demoted, of one service.
   *
   * @default a restart forgets it
   */
  readonly watchFile?: string;
  /** Told where the student is demoted or taken back. */
  readonly onStanding?: (change: StandingChange) => void;
  /**
   * What the teacher is asked and what it costs, see `Asking.open`.
   *
   * @default no money is shown
   */
  readonly ledger?: Ledger;
}

/**
 * A student and a teacher. Where the teacher is to answer and says nothing, the student's answer stands, and is marked. While
 * the student is demoted the teacher answers all; in mode `student`, where it may not, all answers are marked.
 */
export class Cascade implements Decider {
  readonly classes: readonly string[];
  readonly detail: Detail;
  readonly #student: Decider;
  readonly #mode: CascadeMode;
  readonly #teacher: TeacherGateway;
  readonly #anew: TeacherGateway;
  readonly #audit: Audit;
  readonly #watching: Watching | undefined;

  /**
   * @param student - one that says where it abstains
   * @param tally - counts what is audited
   * @param watching - demotes the student by what is audited
   * @throws InputError where teacher and student have other classes, or an option is out of its range
   */
  constructor(
    student: Decider,
    {mode = 'cascade', anew, audit: share = 0.02, seed, ...door}: CascadeOptions,
    tally: Tally,
    watching?: Watching,
  ) {
    const {classes} = student;
    this.classes = classes;
    this.#student = student;
    this.#mode = mode;
    this.#teacher = new TeacherGateway(classes, door);
    this.#anew = anew ? new TeacherGateway(classes, {...door, teacher: anew}) : this.#teacher;
    this.#audit = new Audit({classes, share, seed, gateway: this.#anew, isAnew: anew !== undefined, tally, watching});
    this.#watching = watching;
    const whole: Detail = {kind: 'log-probabilities'};
    const isWhole = satisfies(this.#teacher.detail, whole) && satisfies(student.detail, whole);
    this.detail = mode === 'student' ? student.detail : isWhole ? whole : {kind: 'label'};
  }

  async decide(queries: readonly Query[], signal: AbortSignal): Promise<readonly Decided[]> {
    const drawn = queries.map(() => this.#audit.draw());
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
    const door = isDemoted ? this.#anew : this.#teacher;
    const said = answered.length === 0 ? Promise.resolve([]) : door.ask(answered, why, {signal});
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

  async settle(): Promise<void> {
    await Promise.all([this.#teacher.settle(), this.#anew.settle()]);
    await this.#audit.settle();
  }
}

interface CascadeInput extends AuditedInput {
  /** Its place in the request. */
  readonly index: number;
  /** Whether the teacher answers it. */
  readonly isAsked: boolean;
}

/** The answer of a student that isn't trusted. */
function marked(decided: Decided): Decided {
  return 'error' in decided ? decided : {...decided, abstains: true};
}

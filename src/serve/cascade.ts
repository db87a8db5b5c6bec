import type {LayeredTeacher} from '../ask/layer.ts';
import type {Ledger} from '../ask/ledger.ts';
import {satisfies} from '../knowledge/coarsen.ts';
import type {Answer, Detail, Input, Query} from '../teacher.ts';
import {Audit, type AuditedInput} from './audit.ts';
import type {Decided, Decider, Decision, Fallback, Tally} from './decision.ts';
import type {ServedHeads} from './heads.ts';
import {TeacherGateway, type TeacherGatewayOptions, type TrafficReason} from './teacher-gateway.ts';
import type {PromiseOptions, Watches} from './watches.ts';

/**
 * Who answers. `shadow`: the teacher answers everything. `cascade`: the student answers if it is sure, else the
 * teacher. `student`: the student answers everything.
 */
export type CascadeMode = 'shadow' | 'cascade' | 'student';

export interface CascadeOptions extends TeacherGatewayOptions, PromiseOptions {
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
   * Counts the teacher's requests and what they cost, see `Asking.open`.
   *
   * @default no money is shown
   */
  readonly ledger?: Ledger;
}

/**
 * A student and a teacher. The teacher is asked only the questions of which the student is not sure, all about one input
 * in one request. If the teacher should answer and doesn't, the student's answer stands and is marked. While
 * the student is demoted, the teacher answers everything; of a student with several questions, those that are demoted.
 * In mode `student` a demoted student still answers, and all its answers are marked.
 */
export class Cascade implements Decider {
  readonly heads: ServedHeads;
  readonly detail: Detail;
  readonly #student: Decider;
  readonly #mode: CascadeMode;
  readonly #teacher: TeacherGateway;
  readonly #anew: TeacherGateway;
  readonly #audit: Audit;
  readonly #watches: Watches;

  /**
   * @param student - must say when it abstains
   * @param tally - counts the audited inputs
   * @param watches - demote the student if the audits show a broken promise
   * @throws InputError if teacher and student have different questions or classes, or an option is out of its range
   */
  constructor(
    student: Decider,
    {mode = 'cascade', anew, audit: share = 0.02, seed, ...gateway}: CascadeOptions,
    tally: Tally,
    watches: Watches,
  ) {
    const {heads} = student;
    this.heads = heads;
    this.#student = student;
    this.#mode = mode;
    this.#teacher = new TeacherGateway(heads, gateway);
    this.#anew = anew ? new TeacherGateway(heads, {...gateway, teacher: anew}) : this.#teacher;
    this.#audit = new Audit({share, seed, gateway: this.#anew, isAnew: anew !== undefined, tally, watches});
    this.#watches = watches;
    const whole: Detail = {kind: 'log-probabilities'};
    const isWhole = satisfies(this.#teacher.detail, whole) && satisfies(student.detail, whole);
    this.detail = mode === 'student' ? student.detail : isWhole ? whole : {kind: 'label'};
  }

  async decide(queries: readonly Query[], signal: AbortSignal): Promise<readonly Decided[]> {
    const drawn = this.#draw(queries);
    const decided = await this.#student.decide(queries, signal);
    const inputs = decided.flatMap((decision, index): CascadeInput[] => {
      if ('error' in decision) return [];
      const query = queries[index]!;
      const isSure = !decision.abstains;
      const why = this.#reasonToAsk(query, isSure);
      const isDrawn = drawn[index]!;
      const isCompared = isDrawn || (why !== undefined && why !== 'unsure');
      return [{index, query, student: decision.answer, isSure, why, isDrawn, isCompared}];
    });
    const answered = inputs.filter(isAsked);
    const said = this.#ask(answered, signal);
    this.#audit.compare({answered, said, unanswered: inputs.filter(input => input.isDrawn && !isAsked(input))});
    const decisions = decided.map((decision, index) =>
      this.#isDemoted(queries[index]!) ? marked(decision) : decision,
    );
    for (const [position, answer] of (await said).entries()) {
      const {index} = answered[position]!;
      decisions[index] =
        typeof answer === 'string'
          ? {...(decided[index] as Decision), abstains: true, fallback: answer}
          : {answer, answeredBy: 'teacher', abstains: false};
    }
    return decisions;
  }

  /** The reason why the teacher answers a query; undefined if the student does. */
  #reasonToAsk(query: Query, isSure: boolean): TrafficReason | undefined {
    if (this.#mode === 'student') return undefined;
    if (this.#isDemoted(query)) return 'demoted';
    if (this.#mode === 'shadow') return 'shadow';
    return isSure ? undefined : 'unsure';
  }

  #isDemoted({question}: Query): boolean {
    return this.#watches.get(question?.name)?.watch.demoted ?? false;
  }

  /** Asks anew about the inputs with a demoted question, about all their questions in one request. */
  async #ask(asked: readonly AskedInput[], signal: AbortSignal): Promise<readonly (Answer | Fallback)[]> {
    const demoted = new Set(asked.flatMap(({why, query}) => (why === 'demoted' ? [query.input] : [])));
    const parts = [
      {gateway: this.#anew, own: asked.filter(({query}) => demoted.has(query.input))},
      {gateway: this.#teacher, own: asked.filter(({query}) => !demoted.has(query.input))},
    ].filter(({own}) => own.length > 0);
    const said = await Promise.all(parts.map(({gateway, own}) => gateway.ask(own, {signal})));
    const answers = new Map(parts.flatMap(({own}, part) => own.map((one, row) => [one, said[part]![row]!] as const)));
    return asked.map(one => answers.get(one)!);
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
  /** Undefined if the student answers it. */
  readonly why: TrafficReason | undefined;
}

/** An input that the teacher answers. */
interface AskedInput extends CascadeInput {
  readonly why: TrafficReason;
}

function isAsked(input: CascadeInput): input is AskedInput {
  return input.why !== undefined;
}

/** Marks the answer of a student that isn't trusted. */
function marked(decided: Decided): Decided {
  return 'error' in decided ? decided : {...decided, abstains: true};
}

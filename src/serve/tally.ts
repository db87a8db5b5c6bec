import type {Decided, Fallback} from './decision.ts';

/** Counts how a service's queries were answered. */
export class Tally {
  /** Answered by the student, because it was sure enough or there is no teacher. */
  student = 0;
  teacher = 0;
  /** Answered by the student instead of the teacher, by reason. */
  readonly fallbacks: Record<Fallback, number> = {budget: 0, failed: 0, late: 0, busy: 0};
  /** Answers marked as not sure enough. */
  abstained = 0;
  /** Inputs that a gate found unlike those that the student was trained on. */
  strange = 0;
  /** Queries that could not be answered. */
  errors = 0;
  /** Sure answers of the student that were compared with the teacher's. */
  audited = 0;
  /** Number of them on which the two answers agree. */
  agreed = 0;
  /** Inputs drawn for comparison that the student left to the teacher. */
  deferredAudits = 0;
  /** Inputs drawn for comparison that the teacher didn't answer. */
  lostAudits = 0;
  /** Inputs that were put to the teacher twice. */
  repeated = 0;
  /** Number of them on which the two answers agree. */
  repeatedAlike = 0;

  count(decisions: readonly Decided[]): void {
    for (const decision of decisions) {
      if ('error' in decision) {
        this.errors++;
        continue;
      }
      if (decision.fallback !== undefined) this.fallbacks[decision.fallback]++;
      else this[decision.answeredBy]++;
      if (decision.abstains) this.abstained++;
    }
  }

  countAudit(agrees: boolean): void {
    this.audited++;
    if (agrees) this.agreed++;
  }

  countRepeat(isAlike: boolean): void {
    this.repeated++;
    if (isAlike) this.repeatedAlike++;
  }

  /** Inputs that the student answered, for any reason. */
  get local(): number {
    return this.answered - this.teacher;
  }

  get answered(): number {
    return this.student + this.teacher + Object.values(this.fallbacks).reduce((sum, count) => sum + count, 0);
  }
}

import type {Decided, Fallback} from './decision.ts';

/** How a service's queries were answered so far. */
export class Tally {
  /** By the student, who was sure enough or has nobody to ask. */
  student = 0;
  teacher = 0;
  /** By the student in the teacher's place, and why. */
  readonly fallbacks: Record<Fallback, number> = {budget: 0, failed: 0, late: 0, busy: 0};
  /** Answers that are marked as not sure enough. */
  abstained = 0;
  /** Inputs that a gate found unlike those the student learned from. */
  strange = 0;
  /** Queries that could not be answered. */
  errors = 0;
  /** The student's sure answers that were compared with the teacher's. */
  audited = 0;
  /** Of these, how many it said the same of. */
  agreed = 0;
  /** Inputs that were to be compared, and were not the student's to answer. */
  deferredAudits = 0;
  /** Inputs that were to be compared, and the teacher didn't answer. */
  lostAudits = 0;
  /** Inputs that the teacher was asked about twice. */
  repeated = 0;
  /** Of these, how many it said the same of. */
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

  /** Inputs that the student answered, for whatever reason. */
  get local(): number {
    return this.answered - this.teacher;
  }

  get answered(): number {
    return this.student + this.teacher + Object.values(this.fallbacks).reduce((sum, count) => sum + count, 0);
  }
}

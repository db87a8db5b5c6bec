import type {Decided, Fallback} from './decision.ts';

/** How a service's questions were answered so far. */
export class Tally {
  /** By the student, who was sure enough or has nobody to ask. */
  student = 0;
  teacher = 0;
  /** By the student in the teacher's place, and why. */
  readonly fallbacks: Record<Fallback, number> = {budget: 0, failed: 0, late: 0, busy: 0};
  /** Answers that are marked as not sure enough. */
  abstained = 0;
  /** Questions that could not be answered. */
  errors = 0;
  /** The student's answers that the teacher was asked about, too. */
  checked = 0;
  /** Of these, how many it said the same of. */
  agreed = 0;

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

  countCheck(agrees: boolean): void {
    this.checked++;
    if (agrees) this.agreed++;
  }

  get answered(): number {
    return this.student + this.teacher + Object.values(this.fallbacks).reduce((sum, count) => sum + count, 0);
  }
}

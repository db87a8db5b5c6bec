/** Where the seconds of a run went. Not of what was done with it between two epochs. */
export interface Profile {
  /** Batches were gathered, looked at through views, and waited for where they come from a disk. */
  readonly data: number;
  /** A live teacher was waited for. */
  readonly teacher: number;
  /** Steps were compiled and run. */
  readonly step: number;
  /** Validation was measured. */
  readonly evaluation: number;
  /** All else: checks, checkpoints, other work of the process. */
  readonly other: number;
}

/** Nothing yet. */
export const NO_TIME: Profile = {data: 0, teacher: 0, step: 0, evaluation: 0, other: 0};

/** Adds up seconds part by part. */
export class Stopwatch {
  #profile: Profile = NO_TIME;
  #since: number = performance.now();

  /** The time since the last call of a method went to this part. */
  lap(part: keyof Profile): void {
    const now = performance.now();
    this.#profile = {...this.#profile, [part]: this.#profile[part] + (now - this.#since) / 1000};
    this.#since = now;
  }

  /** The time since the last call of a method counts nowhere. */
  skip(): void {
    this.#since = performance.now();
  }

  /** Goes on from what an earlier process of the run came to. */
  add(profile: Profile): void {
    this.#profile = sumOf([this.#profile, profile]);
  }

  get profile(): Profile {
    return this.#profile;
  }
}

export function sumOf(profiles: readonly Profile[]): Profile {
  const total = (part: keyof Profile) => profiles.reduce((sum, profile) => sum + profile[part], 0);
  return {
    data: total('data'),
    teacher: total('teacher'),
    step: total('step'),
    evaluation: total('evaluation'),
    other: total('other'),
  };
}

export function secondsOf(profile: Profile): number {
  return Object.values(profile).reduce((sum, seconds) => sum + seconds, 0);
}

/** For people: each part that is at least a thousandth of the whole, the largest first. */
export function describeProfile(profile: Profile): string {
  const seconds = secondsOf(profile);
  return Object.entries(profile)
    .map(([part, spent]) => ({part, percent: (100 * spent) / seconds}))
    .filter(({percent}) => percent >= 0.1)
    .sort((a, b) => b.percent - a.percent)
    .map(({part, percent}) => `${part} ${percent.toFixed(percent < 10 ? 1 : 0)} %`)
    .join(', ');
}

/** Seconds that each part of a run took, without the caller's own work between two epochs. */
export interface Profile {
  /** Reading batches, applying views, and waiting for the disk. */
  readonly data: number;
  /** Waiting for a live teacher. */
  readonly teacher: number;
  /** Compiling and running steps. */
  readonly step: number;
  /** Measuring validation. */
  readonly evaluation: number;
  /** Everything else: checks, checkpoints, other work of the process. */
  readonly other: number;
}

/** No time so far. */
export const NO_TIME: Profile = {data: 0, teacher: 0, step: 0, evaluation: 0, other: 0};

/** Adds up the seconds of each part. */
export class Stopwatch {
  #profile: Profile = NO_TIME;
  #since: number = performance.now();

  /** Counts the time since the last call of a method towards this part. */
  lap(part: keyof Profile): void {
    const now = performance.now();
    this.#profile = {...this.#profile, [part]: this.#profile[part] + (now - this.#since) / 1000};
    this.#since = now;
  }

  /** Counts the time since the last call of a method towards no part. */
  skip(): void {
    this.#since = performance.now();
  }

  /** Adds the times of an earlier process of the same run. */
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

/** Describes the parts that take at least a thousandth of the whole, the largest first. */
export function describeProfile(profile: Profile): string {
  const seconds = secondsOf(profile);
  return Object.entries(profile)
    .map(([part, spent]) => ({part, percent: (100 * spent) / seconds}))
    .filter(({percent}) => percent >= 0.1)
    .sort((a, b) => b.percent - a.percent)
    .map(({part, percent}) => `${part} ${percent.toFixed(percent < 10 ? 1 : 0)} %`)
    .join(', ');
}

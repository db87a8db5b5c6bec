/** The texts of the benchmark of batch lanes, and the service's answers to them. */
export const CLASSES = ['billing', 'fault'] as const;

/** A text of 40 to 360 characters. No two are alike. */
export function textOf(number: number): string {
  return `ticket ${number} ${'word '.repeat(6 + ((number * 7919) % 64))}`.trimEnd();
}

export function answerTo(number: number): string {
  return CLASSES[(number * 2_654_435_761) % 2 ** 32 < 2 ** 31 ? 0 : 1];
}

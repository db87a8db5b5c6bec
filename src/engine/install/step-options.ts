/** What every step that takes a while is given. */
export interface StepOptions {
  readonly signal?: AbortSignal | undefined;
  /** How far the step is, from 0 to 1. */
  readonly onProgress?: ((share: number) => void) | undefined;
}

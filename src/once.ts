/**
 * Lets many callers share what is made once, such as a loaded model. The first call makes it. If that fails, the next
 * call makes it again.
 */
export function once<T, Arguments extends readonly unknown[]>(
  make: (...values: Arguments) => Promise<T>,
): (...values: Arguments) => Promise<T> {
  let made: Promise<T> | undefined;
  return (...values) => {
    made ??= make(...values).catch((error: unknown) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}

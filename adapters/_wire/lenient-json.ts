/**
 * Parses JSON as servers written in Python send it: a bare `NaN` becomes null, a bare `Infinity` becomes infinite.
 *
 * @returns undefined if the text is not JSON
 */
export function lenientJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Strings are matched first, so that their content is unchanged.
    const lenient = text.replace(/"(?:[^"\\]|\\.)*"|\bNaN\b|\bInfinity\b/g, found =>
      found === 'NaN' ? 'null' : found === 'Infinity' ? '1e999' : found,
    );
    try {
      return JSON.parse(lenient);
    } catch {
      return undefined;
    }
  }
}

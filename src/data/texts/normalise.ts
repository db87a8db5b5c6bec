/** A text for comparing: forms that mean the same, cases and white space made one. */
export function normalise(text: string): string {
  return text.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ').trim();
}

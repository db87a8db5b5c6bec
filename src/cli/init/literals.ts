/** Writers of JavaScript's literals for recipes. */

/** Writes a field whose value is a text. */
export function field([name, value]: readonly [string, string]): string {
  // Without brackets, this name would set the object's prototype.
  const key = name === '__proto__' ? "['__proto__']" : /^[A-Za-z_$][\w$]*$/.test(name) ? name : quoted(name);
  return `${key}: ${quoted(value)}`;
}

/** Writes an object with a field on each line. */
export function lines(fields: readonly string[], indent: number): string {
  const space = ' '.repeat(indent);
  return `{\n${fields.map(text => `${space}  ${text},\n`).join('')}${space}}`;
}

/** The longest list that is written on one line. */
const LINE = 90;

/** Writes a list of texts: on one line if it is short, else one on each. */
export function list(values: readonly string[], indent = 0): string {
  const all = values.map(quoted);
  const space = ' '.repeat(indent);
  const line = `[${all.join(', ')}]`;
  return line.length <= LINE ? line : `[\n${all.map(value => `${space}  ${value},\n`).join('')}${space}]`;
}

/** Writes a text as a literal that no character can break out of. */
export function quoted(text: string): string {
  const literal = JSON.stringify(text);
  // JSON.stringify escapes for double quotes. Single quotes are this project's style if nothing needs an escape.
  return /^"[^'"\\]*"$/.test(literal) ? `'${literal.slice(1, -1)}'` : literal;
}

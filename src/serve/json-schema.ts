/** A JSON Schema, or a part of one, as a client sent it. */
export type Schema = Readonly<Record<string, unknown>>;

/** References that are followed one into the other; more of them lead nowhere. */
const DEEPEST = 16;

/** Reads the little of a schema that a class can be put into. What is no schema says nothing. */
export class SchemaReader {
  readonly #root: Schema;

  constructor(root: Schema) {
    this.#root = root;
  }

  /** The values that the root lists, as `valuesOf` finds them. */
  get values(): readonly unknown[] {
    return this.valuesOf(this.#root);
  }

  get properties(): readonly (readonly [name: string, property: Schema])[] {
    const {properties} = this.#followed(this.#root);
    return Object.entries(schemaOf(properties)).map(([name, property]) => [name, this.#followed(schemaOf(property))]);
  }

  /** Names of the properties that must be there. */
  get required(): readonly unknown[] {
    return listOf(this.#followed(this.#root)['required']);
  }

  /** The values that a schema lists, as an enum or as constants. */
  valuesOf(schema: Schema, seen: Set<Schema> = new Set()): readonly unknown[] {
    const followed = this.#followed(schema);
    // Each part is read once, however references lead back to it.
    if (seen.has(followed)) return [];
    seen.add(followed);
    if ('const' in followed) return [followed['const']];
    if (Array.isArray(followed['enum'])) return followed['enum'];
    const options = listOf(followed['anyOf'] ?? followed['oneOf'] ?? followed['allOf']);
    return options.flatMap(option => this.valuesOf(schemaOf(option), seen));
  }

  /** Follows references within the schema, which generators make of each named type. */
  #followed(schema: Schema): Schema {
    let followed = schema;
    for (let depth = 0; depth < DEEPEST && typeof followed['$ref'] === 'string'; depth++) {
      const [start, ...path] = followed['$ref'].split('/');
      if (start !== '#') return {};
      followed = path.reduce((part, name) => schemaOf(part[name]), this.#root);
    }
    return followed;
  }
}

function schemaOf(value: unknown): Schema {
  return typeof value === 'object' && value !== null ? (value as Schema) : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

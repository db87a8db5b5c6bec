import type {Option, Question} from '../../question.ts';
import type {JsonPart} from './json-part.ts';
import {problemWithLevels, problemWithOptions} from './readers.ts';

/** Questions, and what was decided about them. */
export interface SchemaQuestions {
  readonly questions: readonly Question[];
  readonly notes: readonly string[];
}

/** Fields that hold a schema in requests for structured output. */
const WRAPPERS = ['response_format', 'json_schema', 'text', 'format', 'schema'];
/** Keywords of an object that change nothing in its questions. */
const OF_OBJECTS = [
  ...['type', 'properties', 'required', 'additionalProperties', 'title', 'description', '$schema', '$id', '$comment'],
  ...['$defs', 'definitions', 'propertyOrdering', 'examples', 'default'],
];
/** Keywords of a property that are read, or that change nothing in its question. */
const OF_PROPERTIES = [
  ...['type', 'enum', 'const', 'oneOf', 'anyOf', 'minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'],
  ...['title', 'description', 'default', 'examples', 'format', 'deprecated', '$comment', '$id'],
];

/**
 * Makes a question of each property of an object in JSON Schema: a choice of an enum of texts, a predicate of a boolean,
 * a score of an integer with bounds or of an enum of integers. Its description becomes the instructions.
 *
 * @param document - the schema, or a request that holds it
 * @throws InputError that names the property and what no question can hold
 */
export function readSchema(document: JsonPart): SchemaQuestions {
  let schema = document;
  while (schema.field('properties') === undefined) {
    const inner = schema.oneOf(...WRAPPERS);
    if (inner === undefined || inner.isText) {
      document.fail(
        'There are neither `questions` nor `properties` in it. Give a request, or the JSON Schema of an object.',
      );
    }
    schema = inner;
  }
  schema.only(OF_OBJECTS);
  const notes: string[] = [];
  const questions = schema
    .field('properties')!
    .entries()
    .map(([name, part]) => {
      const property = new Property(part, schema);
      const {text, from} = property.instructions(name);
      if (from !== 'description')
        notes.push(`\`${name}\` has no description, so “${text}” is asked. Write what you mean into the recipe.`);
      return property.question(name, text);
    });
  return {questions, notes};
}

/** A property with the definition to which it refers. */
class Property {
  readonly part: JsonPart;
  /** By keyword: those of the property, then those of the definition. */
  readonly #keywords = new Map<string, JsonPart>();

  constructor(part: JsonPart, schema: JsonPart) {
    this.part = part;
    this.#add(part, schema, []);
  }

  #add(part: JsonPart, schema: JsonPart, before: readonly string[]): void {
    const others: (() => void)[] = [];
    for (const [keyword, inner] of part.entries()) {
      if (keyword === '$ref') {
        others.push(() => this.#add(definition(inner, schema, before), schema, [...before, inner.text()]));
      } else if (keyword === 'allOf' && inner.items().length === 1) {
        others.push(() => this.#add(inner.items()[0]!, schema, before));
      } else if (OF_PROPERTIES.includes(keyword)) {
        this.#keywords.set(keyword, this.#keywords.get(keyword) ?? inner);
      } else inner.fail(`It is not known what \`${keyword}\` means for a question. Leave it out.`);
    }
    for (const add of others) add();
  }

  instructions(name: string): {readonly text: string; readonly from: string} {
    for (const from of ['description', 'title']) {
      const text = this.#keywords.get(from)?.text();
      if (text) return {text, from};
    }
    return {text: name, from: 'name'};
  }

  question(name: string, instructions: string): Question {
    const values = this.#values();
    if (values === undefined) return this.#typed(name, instructions);
    const {part, options, kinds} = values;
    if (kinds.has('null'))
      part.fail('A null is no class. Leave it out, or name a class for inputs without an answer, such as "none".');
    if (kinds.size > 1) part.fail(`It mixes ${[...kinds].join(' and ')}. Give texts, or integers, alone.`);
    switch ([...kinds][0]) {
      case 'text':
        return {type: 'choice', name, instructions, options: checkedOptions(part, options)};
      case 'integer':
        return {type: 'score', name, instructions, levels: checkedLevels(part, options)};
      case 'boolean':
        if (options.length === 2) return {type: 'predicate', name, instructions};
    }
    return part.fail('It names no classes. Give two or more texts or integers.');
  }

  /** The values that are named one by one; undefined if none are. */
  #values(): NamedValues | undefined {
    const listed = this.#keywords.get('enum');
    if (listed !== undefined)
      return namedValues(
        listed,
        listed.items().map(value => ({value, description: ''})),
      );
    const variants = this.#keywords.get('oneOf') ?? this.#keywords.get('anyOf');
    if (variants === undefined) return undefined;
    const missing = variants.items().find(variant => variant.field('type')?.value === 'null');
    missing?.fail('A null is no class. Leave it out, or name a class for inputs without an answer, such as "none".');
    const named = variants.items().map(variant => {
      const value = variant.field('const') ?? variant.fail('It has no `const`. Name each class by one.');
      variant.only(['const', 'title', 'description', 'type']);
      return {value, description: variant.oneOf('description', 'title')?.text() ?? ''};
    });
    return namedValues(variants, named);
  }

  #typed(name: string, instructions: string): Question {
    const type = this.#keywords.get('type') ?? this.part.fail('It has neither a type nor an enum.');
    if (type.value === 'boolean') return {type: 'predicate', name, instructions};
    if (type.value === 'integer') return {type: 'score', name, instructions, levels: this.#levels()};
    const given = JSON.stringify(type.value);
    return type.fail(
      `${given} has no classes. Give an enum, a boolean, or an integer with \`minimum\` and \`maximum\`.`,
    );
  }

  #levels(): readonly Option[] {
    const [low, high] = [this.#bound('minimum', 'exclusiveMinimum', 1), this.#bound('maximum', 'exclusiveMaximum', -1)];
    const count = high - low + 1;
    if (count > MOST_LEVELS) this.part.fail(`It has ${count} levels. Give bounds with ${MOST_LEVELS} at most between.`);
    if (count < 2)
      this.part.fail(`Its lowest level is ${low}, and its highest ${high}. Give bounds with two levels at least.`);
    return Array.from({length: count}, (_, index) => ({name: String(low + index)}));
  }

  /** @param step - to the first integer inside an exclusive bound: 1 for the lower bound, -1 for the upper one */
  #bound(inclusive: string, exclusive: string, step: 1 | -1): number {
    const bounds = [
      ...this.#integers(inclusive).map(bound => step * bound),
      ...this.#integers(exclusive).map(bound => step * bound + 1),
    ];
    if (bounds.length === 0) this.part.fail(`It has no \`${inclusive}\`, so its levels are not known.`);
    return step * Math.max(...bounds);
  }

  #integers(keyword: string): readonly number[] {
    const part = this.#keywords.get(keyword);
    if (part === undefined) return [];
    return [Number.isSafeInteger(part.value) ? (part.value as number) : part.fail('Expected an integer.')];
  }
}

/** The most levels that bounds can stand for. */
const MOST_LEVELS = 255;

interface NamedValues {
  readonly part: JsonPart;
  readonly options: readonly Option[];
  readonly kinds: ReadonlySet<string>;
}

function namedValues(
  part: JsonPart,
  named: readonly {readonly value: JsonPart; readonly description: string}[],
): NamedValues {
  const options = named.map(({value, description}) => ({name: String(value.value), ...(description && {description})}));
  return {part, options, kinds: new Set(named.map(({value}) => kindOf(value)))};
}

function kindOf({value}: JsonPart): string {
  if (typeof value === 'string') return 'text';
  if (Number.isSafeInteger(value)) return 'integer';
  if (typeof value === 'number') return 'fractions';
  return value === null ? 'null' : typeof value;
}

/** The part of the schema that a reference names. */
function definition(reference: JsonPart, schema: JsonPart, before: readonly string[]): JsonPart {
  const path = reference.text();
  if (before.includes(path)) reference.fail('It refers to itself.');
  if (!path.startsWith('#/')) reference.fail(`\`${path}\` is in another file. Put its definition into this one.`);
  const steps = path
    .slice(2)
    .split('/')
    .map(step => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  const found = steps.reduce<JsonPart | undefined>((part, step) => part?.field(step), schema);
  return found ?? reference.fail(`There is nothing at ${path}.`);
}

export function checkedOptions(part: JsonPart, options: readonly Option[]): readonly Option[] {
  const problem = problemWithOptions(options);
  return problem === undefined ? options : part.fail(problem);
}

export function checkedLevels(part: JsonPart, levels: readonly Option[]): readonly Option[] {
  const problem = problemWithLevels(levels);
  return problem === undefined ? levels : part.fail(problem);
}

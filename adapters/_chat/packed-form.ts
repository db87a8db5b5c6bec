import {kindProblem, recordJson} from '../../src/input-kinds.ts';
import type {Access, Json, Query, RecordInput, TextInput} from '../../src/teacher.ts';
import {type ChatOptions, withParameters} from './chat.ts';
import {holdsLabel} from './chat-probe.ts';
import type {Body, Completion, Dialect, Settings} from './dialect.ts';
import {fieldsIn} from './fields.ts';
import type {FormRequest} from './form-requests.ts';
import {type ModeOptions, objectOf} from './modes.ts';
import {drawPositions, PACK_IDS, packSizeOf} from './pack.ts';
import {answerValue, type Prompt, type Prompts, promptsFor} from './prompt.ts';

/** The options of a teacher that is asked about several inputs in one request. */
export type PackedOptions = ChatOptions & Pick<ModeOptions, 'output' | 'structured'>;

type PackedInput = TextInput | RecordInput;

/** Several inputs in one request. */
export interface PackedRequest extends FormRequest {
  /** Of each row in the request, from 0. */
  readonly positions: readonly number[];
  readonly prompt: Prompt;
}

/** Tokens around a value and its id. Small models write many blanks. */
const AROUND = 32;
/** Bytes of a confidence. */
const CONFIDENCE = 48;

type Refuse = (row: number, why: string) => void;

/** How inputs become packed requests. */
export class PackedForm {
  readonly codes: readonly string[];
  /** A request without inputs. */
  readonly template: Body;
  /** The settings of a full request. */
  readonly settings: Settings;
  readonly prompts: Prompts;
  readonly #ofRecords: Prompts;
  readonly #options: PackedOptions;
  readonly #dialect: Dialect<Access>;
  readonly #size: number;

  constructor(options: PackedOptions, dialect: Dialect<Access>) {
    this.#options = options;
    this.#dialect = dialect;
    this.#size = packSizeOf(options);
    this.prompts = packedPrompts(options, dialect, 'text');
    this.#ofRecords = packedPrompts(options, dialect, 'record');
    this.codes = this.prompts.codes;
    this.settings = this.#settingsFor(this.#size);
    this.template = this.#bodyOf(this.prompts.template, {
      ...this.#settingsFor(0),
      maxTokens: options.maxTokens ?? dialect.spareTokens,
    });
  }

  /**
   * Repetitions of an input are never in one request, and neither are inputs of two kinds.
   *
   * @param refuse - called for queries that no request can hold
   */
  requestsFor(queries: readonly Query[], refuse?: Refuse): readonly PackedRequest[] {
    return this.packsOf(queries, refuse).map(rows => this.requestAbout(rows, queries));
  }

  /** The rows of each request. */
  packsOf(queries: readonly Query[], refuse: Refuse = () => {}): readonly (readonly number[])[] {
    const groups = new Map<string, number[][]>();
    for (const [row, {input, sample = 0}] of queries.entries()) {
      if (!isPacked(input)) {
        refuse(row, `${kindProblem(['text', 'record'], input)} Images are asked about alone, without \`pack\`.`);
        continue;
      }
      const name = `${input.kind} ${sample}`;
      const packs = groups.get(name) ?? [];
      groups.set(name, packs);
      const last = packs.at(-1);
      if (last && last.length < this.#size) last.push(row);
      else packs.push([row]);
    }
    return [...groups.values()].flat();
  }

  /** True if every field of an answer has one of the allowed values. */
  isHeld({text}: Completion): boolean {
    const fields = fieldsIn({text});
    const isConfidence = this.#options.output === 'confidence';
    const isAllowed = (value: string) => (isConfidence ? holdsLabel(value, this.codes) : this.codes.includes(value));
    return fields.length > 0 && fields.every(field => isAllowed(field.text));
  }

  /** Of the rows of a request, from 0. */
  positionsOf(rows: readonly number[], queries: readonly Query[]): readonly number[] {
    return drawPositions(rows.map(row => jsonOf(queries[row]!.input as PackedInput)));
  }

  requestAbout(rows: readonly number[], queries: readonly Query[]): PackedRequest {
    const inputs = rows.map(row => queries[row]!.input as PackedInput);
    const {sample = 0} = queries[rows[0]!]!;
    const contents = inputs.map(jsonOf);
    const positions = drawPositions(contents);
    const lines = new Array<string>(rows.length);
    for (const [row, position] of positions.entries()) lines[position] = `"${PACK_IDS[position]}": ${contents[row]}`;
    const prompts = inputs[0]!.kind === 'record' ? this.#ofRecords : this.prompts;
    const prompt = prompts.for(`{\n${lines.join(',\n')}\n}`, sample);
    return {rows, inputs, positions, prompt, body: this.#bodyOf(prompt, this.#settingsFor(rows.length))};
  }

  #bodyOf(prompt: Prompt, settings: Settings): Body {
    return withParameters(this.#dialect.body(prompt, settings), this.#options.parameters);
  }

  #settingsFor(count: number): Settings {
    const {model, maxTokens, structured = true} = this.#options;
    const schema = structured ? this.#schemaOf(count) : undefined;
    return {model, codes: [], schema, maxTokens: maxTokens ?? this.#longestAnswer(count) + this.#dialect.spareTokens};
  }

  /** The list of classes stands in it once, because services limit how many values a schema may hold. */
  #schemaOf(count: number): Body {
    const label = {type: 'string', enum: this.codes};
    const answer: Json =
      this.#options.output === 'confidence' ? objectOf({label, confidence: {type: 'integer'}}) : label;
    const ids = PACK_IDS.slice(0, count).map(id => [id, {$ref: '#/$defs/answer'}] as const);
    return {...objectOf(Object.fromEntries(ids)), $defs: {answer}};
  }

  /** The most tokens of an answer: a token is at least one byte. */
  #longestAnswer(count: number): number {
    const value = Math.max(...this.codes.map(code => Buffer.byteLength(JSON.stringify(code))));
    const id = JSON.stringify(PACK_IDS[0]).length;
    return AROUND + count * (id + value + AROUND + (this.#options.output === 'confidence' ? CONFIDENCE : 0));
  }
}

function isPacked(input: Query['input']): input is PackedInput {
  return input.kind === 'text' || input.kind === 'record';
}

/** An input as a value in JSON, so that no text can look like the next one. */
function jsonOf(input: PackedInput): string {
  return input.kind === 'text' ? JSON.stringify(input.text) : recordJson(input.fields);
}

/** The prompts with the object of inputs as their text. What all requests share comes first, so that services cache it. */
function packedPrompts(options: PackedOptions, {way}: Dialect<Access>, kind: PackedInput['kind']): Prompts {
  const {instructions, prompt} = options;
  const task = instructions ?? `Sort each ${kind} into one of these classes.`;
  const given = typeof prompt === 'string' ? {user: prompt} : prompt;
  // With the user's own prompt, to check it and for the codes.
  const {codes, classes} = promptsFor(options, way);
  const rule =
    `The message holds a JSON object of ${kind}s, each under an id. Judge each ${kind} by itself, as if it were the only ` +
    `one. Answer with JSON and nothing else: an object that holds, for every id and in the same order, ` +
    `${answerValue(codes, classes, way)}.`;
  if (given === undefined) {
    return promptsFor({...options, prompt: {system: `${task}\n{classes}\n${rule}`, user: '{text}'}}, way);
  }
  const {system, user} = given;
  const ruled = system === undefined ? {user: `${user}\n\n${rule}`} : {system: `${system}\n\n${rule}`, user};
  return promptsFor({...options, prompt: ruled}, way);
}

import {setImmediate} from 'node:timers/promises';
import {InputError} from '../../src/errors.ts';
import {loadPeer} from '../../src/peer.ts';

/** The part of node-llama-cpp that is used. */
interface Library {
  getLlama(options: object): Promise<Llama>;
  readonly LlamaGrammarEvaluationState: new (options: {model: LlamaModel; grammar: object}) => object;
}

interface Llama {
  /** Number of this machine's cores that speed such work up. */
  readonly cpuMathCores: number;
  loadModel(options: {readonly modelPath: string}): Promise<DrawingModel>;
  createGrammarForJsonSchema(schema: object): Promise<object>;
}

export interface LlamaModel {
  readonly trainContextSize: number;
  readonly tokens: {
    readonly bos: number | null;
    readonly eos: number | null;
    readonly eot: number | null;
    readonly bosString: string | null;
    readonly eosString: string | null;
    readonly shouldPrependBosToken: boolean;
  };
  readonly fileInfo: {readonly metadata: {readonly tokenizer?: {readonly chat_template?: unknown}}};
  /** If `specialTokens` is true, it reads names of special tokens as those tokens. */
  tokenize(text: string, specialTokens: boolean, options?: 'trimLeadingSpace'): number[];
  createContext(options: object): Promise<LlamaContext>;
  dispose(): Promise<void>;
}

interface LlamaContext {
  readonly contextSize: number;
  getSequence(options: object): LlamaSequence;
}

/** The tokens that the model has evaluated, with its state after them. */
export interface LlamaSequence {
  /** The number of these tokens. */
  readonly nextTokenIndex: number;
  clearHistory(): Promise<void>;
  /** Drops all tokens after the common prefix with these. Some models drop more than that. */
  adaptStateToTokens(tokens: readonly number[], allowShift: boolean): Promise<void>;
  /** Draws tokens one after the other, up to one that ends the turn. */
  evaluate(tokens: readonly number[], options: object): AsyncGenerator<number, void>;
  controlledEvaluate(input: readonly (number | AskedToken)[]): Promise<readonly (AskedOutput | undefined)[]>;
}

/** A token, and what is asked after it. */
export type AskedToken = readonly [number, {readonly generateNext: object}];

export interface AskedOutput {
  readonly next: {
    readonly logits?: ReadonlyMap<number, number>;
    /** The sum over the vocabulary of exp(logit - the largest logit). */
    readonly totalLogitWeight?: number;
  };
}

export interface OpenOptions {
  readonly path: string;
  readonly contextSize: number | undefined;
  readonly gpu: boolean;
  readonly threads: number | undefined;
  readonly readsTemplate: boolean;
}

export interface OpenLlama {
  readonly model: LlamaModel;
  readonly sequence: LlamaSequence;
  /** The most tokens of a prompt and its answer. */
  readonly room: number;
  /** The model's chat template; undefined if none is wanted. */
  readonly render: ((values: object) => string) | undefined;
}

/** A loaded model that writes. */
export interface WritingLlama extends OpenLlama {
  /** Draws the tokens of an answer that fits a JSON schema, up to one that ends the turn. */
  draw(prompt: readonly number[], schema: object, sampling: object): AsyncGenerator<number, void>;
  textOf(tokens: readonly number[]): string;
}

/** The part of a model that only a writer uses. */
interface DrawingModel extends LlamaModel {
  detokenize(tokens: readonly number[]): string;
}

/**
 * Loads the file.
 *
 * @throws InputError if the file can't be loaded, or lacks a chat template although one is wanted
 */
export async function openLlama(options: OpenOptions): Promise<WritingLlama> {
  const {path, gpu, threads} = options;
  const library = await loadPeer<Library>('node-llama-cpp', 'The adapter llama');
  const {llama, reasons} = await startedFor(library, gpu);
  reasons.length = 0;
  try {
    const model = await llama.loadModel({modelPath: path});
    const opened = await openModel(model, options, threads ?? llama.cpuMathCores);
    return {...opened, ...writingWith(library, llama, {model, sequence: opened.sequence})};
  } catch (cause) {
    if (cause instanceof InputError) throw cause;
    // The log entry of the error arrives later.
    await setImmediate();
    const reason = reasons[0] ?? (cause as Error).message;
    const problem = `node-llama-cpp can't load ${path} (${reason}). Check the file, and that it fits the memory.`;
    throw new InputError(problem, {cause});
  }
}

/** How a loaded model writes. */
function writingWith(
  {LlamaGrammarEvaluationState}: Library,
  llama: Llama,
  {model, sequence}: {readonly model: DrawingModel; readonly sequence: LlamaSequence},
): Pick<WritingLlama, 'draw' | 'textOf'> {
  return {
    async *draw(prompt, schema, sampling) {
      const grammar = await llama.createGrammarForJsonSchema(schema);
      const grammarEvaluationState = new LlamaGrammarEvaluationState({model, grammar});
      await sequence.clearHistory();
      yield* sequence.evaluate(prompt, {...sampling, grammarEvaluationState});
    },
    textOf: tokens => model.detokenize(tokens),
  };
}

interface Started {
  readonly llama: Llama;
  /** The log entries since the last load began. Only the log says why a load failed. */
  readonly reasons: string[];
}

/** One instance with a GPU and one without, shared by all models. Each model takes the log over from the one before. */
const started = new WeakMap<Library, Map<boolean, Promise<Started>>>();

function startedFor(library: Library, gpu: boolean): Promise<Started> {
  const known = started.get(library) ?? new Map<boolean, Promise<Started>>();
  started.set(library, known);
  const start = known.get(gpu) ?? startLlama(library, gpu);
  known.set(gpu, start);
  start.catch(() => known.delete(gpu));
  return start;
}

async function startLlama({getLlama}: Library, gpu: boolean): Promise<Started> {
  const reasons: string[] = [];
  const logger = (_: string, message: string): void => {
    if (reasons.length === 0) reasons.push(message.trim());
  };
  try {
    return {llama: await getLlama({...quiet, gpu: gpu ? 'auto' : false, logger}), reasons};
  } catch (cause) {
    throw new InputError(
      `node-llama-cpp does not start here: ${(cause as Error).message}. Install it with its optional packages: one of them holds llama.cpp for this machine.`,
      {cause},
    );
  }
}

async function openModel(
  model: LlamaModel,
  {path, contextSize, readsTemplate}: OpenOptions,
  threads: number,
): Promise<OpenLlama> {
  try {
    const render = readsTemplate ? await chatTemplateOf(model, path) : undefined;
    const context = await model.createContext({
      ...fixed,
      threads,
      contextSize: contextSize ?? Math.min(DEFAULT_CONTEXT, model.trainContextSize),
    });
    const sequence = context.getSequence({checkpoints: {interval: false}});
    // The library drops the start of a context when its last position is filled.
    return {model, sequence, room: context.contextSize - 1, render};
  } catch (cause) {
    await model.dispose();
    throw cause;
  }
}

const DEFAULT_CONTEXT = 4096;

/** By default the library uses at least four threads, which slow each other down on fewer cores. */
const quiet = {build: 'never', logLevel: 'error', progressLogs: false, maxThreads: 0};

/** Set here, because an answer must not change with the library's defaults. */
const fixed = {
  batchSize: 512,
  // It computes attention in half precision, so that an answer depends on which tokens are evaluated together.
  flashAttention: false,
  // Lets a model with a sliding window go back to the end of the prompt.
  swaFullCache: true,
};

async function chatTemplateOf(model: LlamaModel, path: string): Promise<(values: object) => string> {
  const source = model.fileInfo.metadata.tokenizer?.chat_template;
  if (typeof source === 'string') return await chatTemplate(source);
  throw new InputError(
    `${path} has no chat template. Give \`template: 'none'\` and a \`prompt\` that ends as a label begins.`,
  );
}

/** The part of @huggingface/jinja that is used. */
interface Jinja {
  readonly Template: new (template: string) => {render(values: object): string};
}

/**
 * Reads a model's chat template as its makers wrote it. node-llama-cpp's own renderer takes only messages, and it
 * removes the empty thoughts by which some models are told to answer at once.
 *
 * @throws InputError if the package is not installed, or can't read the template
 */
export async function chatTemplate(source: string): Promise<(values: object) => string> {
  const {Template} = await loadPeer<Jinja>('@huggingface/jinja', 'The adapter llama');
  try {
    // Some templates give the model today's date, which would change the answer to the same query every day.
    const template = new Template(source.replaceAll(/\bstrftime_now\b/g, 'same_day_always'));
    return values => template.render({...values, same_day_always: day});
  } catch (cause) {
    throw new InputError(
      `The model's chat template can't be read: ${(cause as Error).message}. Give \`template: 'none'\` and a \`prompt\` in the model's format.`,
      {cause},
    );
  }
}

/** The 26th of July 2024, the default date of Llama 3's templates. */
const DAY: Readonly<Record<string, string>> = {
  '%Y': '2024',
  '%y': '24',
  '%m': '07',
  '%-m': '7',
  '%b': 'Jul',
  '%B': 'July',
  '%d': '26',
  '%-d': '26',
  '%a': 'Fri',
  '%A': 'Friday',
  '%H': '12',
  '%I': '12',
  '%p': 'PM',
  '%M': '00',
  '%S': '00',
  '%%': '%',
};

function day(format: string): string {
  return format.replaceAll(/%-?[a-zA-Z%]/g, code => DAY[code] ?? code);
}

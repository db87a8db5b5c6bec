import {beforeEach, describe, expect, it, vi} from 'vitest';
import {type LlamaModel, type OpenOptions, openLlama} from '../../../adapters/_llama/library.ts';
import {InputError} from '../../../src/errors.ts';
import {fakeModel, fakeSequence} from '../llama-fake.ts';

const peers = vi.hoisted(() => new Map<string, object>());

vi.mock('../../../src/peer.ts', () => ({loadPeer: async (name: string) => peers.get(name)}));

type Log = (level: string, message: string) => void;

/** The calls that the library got. */
let told: [call: string, options: object][];
let starts: number;
/** Replaces the library's own object. */
let loadModel: (log: Log) => Promise<LlamaModel>;
let start: () => void;

const sequence = fakeSequence();
const template = 'a template';

function model(change: Partial<LlamaModel> = {}): LlamaModel {
  return fakeModel({
    fileInfo: {metadata: {tokenizer: {chat_template: template}}},
    createContext: async options => {
      told.push(['createContext', options]);
      const getSequence = (given: object) => {
        told.push(['getSequence', given]);
        return sequence;
      };
      return {contextSize: (options as {readonly contextSize: number}).contextSize, getSequence};
    },
    dispose: async () => void told.push(['dispose', {}]),
    ...change,
  });
}

beforeEach(() => {
  told = [];
  starts = 0;
  start = () => {};
  loadModel = async () => model();
  peers.set('node-llama-cpp', {
    getLlama: async ({logger, ...options}: {readonly logger: Log}) => {
      starts++;
      told.push(['getLlama', options]);
      start();
      const load = async (given: object): Promise<LlamaModel> => {
        told.push(['loadModel', given]);
        return await loadModel(logger);
      };
      return {cpuMathCores: 6, loadModel: load};
    },
  });
  peers.set('@huggingface/jinja', {
    Template: class {
      readonly render: (values: object) => string;
      constructor(source: string) {
        this.render = values => `${source} with ${Object.keys(values)}`;
      }
    },
  });
});

const options: OpenOptions = {
  path: '/models/tiny.gguf',
  contextSize: undefined,
  gpu: true,
  threads: undefined,
  readsTemplate: true,
};

describe('openLlama', () => {
  it('loads the file with all settings named that could change an answer, and builds nothing', async () => {
    const opened = await openLlama(options);
    expect(told).toEqual([
      ['getLlama', {build: 'never', logLevel: 'error', progressLogs: false, maxThreads: 0, gpu: 'auto'}],
      ['loadModel', {modelPath: '/models/tiny.gguf'}],
      ['createContext', {batchSize: 512, flashAttention: false, swaFullCache: true, threads: 6, contextSize: 1000}],
      ['getSequence', {checkpoints: {interval: false}}],
    ]);
    expect(opened.sequence).toBe(sequence);
    expect(opened.room).toBe(999);
    expect(opened.render?.({messages: []})).toBe('a template with messages,same_day_always');
  });

  it.each<[string, Partial<OpenOptions>, number, [string, object]]>([
    ['no GPU', {gpu: false}, 0, ['getLlama', {gpu: false}]],
    ['threads', {threads: 2}, 2, ['createContext', {threads: 2}]],
    ['a size', {contextSize: 64}, 2, ['createContext', {contextSize: 64}]],
  ])('hands on %s', async (_, change, call, expected) => {
    await openLlama({...options, ...change});
    expect(told[call]).toMatchObject(expected);
  });

  it('allocates memory for at most 4096 tokens if the model was trained on more', async () => {
    loadModel = async () => model({trainContextSize: 131_072});
    expect((await openLlama(options)).room).toBe(4095);
  });

  it('starts the library once for all models, with and without a GPU, and again if that failed', async () => {
    start = () => {
      throw new Error('NoBinaryFoundError');
    };
    const failed = openLlama(options);
    await expect(failed).rejects.toThrow(InputError);
    await expect(failed).rejects.toThrow(
      'node-llama-cpp does not start here: NoBinaryFoundError. Install it with its optional packages: one of them holds llama.cpp for this machine.',
    );
    start = () => {};
    await Promise.all([openLlama(options), openLlama(options)]);
    await openLlama(options);
    expect(starts).toBe(2);
    await openLlama({...options, gpu: false});
    expect(starts).toBe(3);
  });

  it('renders nothing if no template is wished for', async () => {
    loadModel = async () => model({fileInfo: {metadata: {}}});
    expect((await openLlama({...options, readsTemplate: false})).render).toBeUndefined();
  });

  it('refuses a model without a chat template if one is wished for, and lets go of it', async () => {
    for (const metadata of [{}, {tokenizer: {}}, {tokenizer: {chat_template: 7}}]) {
      told = [];
      loadModel = async () => model({fileInfo: {metadata}});
      const refused = openLlama(options);
      await expect(refused).rejects.toThrow(InputError);
      await expect(refused).rejects.toThrow(
        "/models/tiny.gguf has no chat template. Give `template: 'none'` and a `prompt` that ends as a label begins.",
      );
      expect(told.map(([call]) => call)).toContain('dispose');
    }
  });

  it('lets go of a model for which there is no memory to read with', async () => {
    const createContext = () => Promise.reject(new Error('Not enough VRAM'));
    loadModel = async () => model({createContext});
    await expect(openLlama(options)).rejects.toThrow(
      new InputError(
        "node-llama-cpp can't load /models/tiny.gguf (Not enough VRAM). Check the file, and that it fits the memory.",
      ),
    );
    expect(told.at(-1)).toEqual(['dispose', {}]);
  });

  it('says of a file that it can not load why, as the log does a moment later', async () => {
    loadModel = async log => {
      setImmediate(() => {
        log('error', 'unknown model architecture: grok\n');
        log('error', 'failed to load model\n');
      });
      throw new Error('Failed to load model');
    };
    const reason = 'unknown model architecture: grok';
    await expect(openLlama(options)).rejects.toThrow(`can't load /models/tiny.gguf (${reason}). Check the file`);
    loadModel = () => Promise.reject(new Error('no such file'));
    await expect(openLlama(options)).rejects.toThrow("can't load /models/tiny.gguf (no such file). Check the file");
  });
});

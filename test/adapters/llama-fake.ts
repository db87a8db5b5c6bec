/** A made-up model behind what is used of node-llama-cpp: its tokens are letters, its numbers depend on all before. */
import type {AskedOutput, AskedToken, LlamaModel, LlamaSequence} from '../../adapters/_llama/library.ts';

/** Special tokens by name; every other token is the code of an ASCII letter. */
export const SPECIAL = {'<s>': 1, '<end>': 2, '<turn>': 3} as const;
const VOCABULARY = 128;

export function fakeModel(change: Partial<LlamaModel> = {}): LlamaModel {
  return {
    trainContextSize: 1000,
    tokens: {
      bos: SPECIAL['<s>'],
      eos: SPECIAL['<end>'],
      eot: SPECIAL['<turn>'],
      bosString: '<s>',
      eosString: '<end>',
      shouldPrependBosToken: true,
    },
    fileInfo: {metadata: {}},
    tokenize: (text, readsNames) => (readsNames ? tokensOf(text) : lettersOf(text)),
    createContext: async () => ({contextSize: 1000, getSequence: () => fakeSequence()}),
    dispose: async () => {},
    ...change,
  };
}

/** Returns the tokens of a text that holds special tokens by name. */
export function tokensOf(text: string): number[] {
  return text.split(/(<s>|<end>|<turn>)/).flatMap(part => SPECIAL[part as keyof typeof SPECIAL] ?? lettersOf(part));
}

/** Tokens of a text that names none. */
export function lettersOf(text: string): number[] {
  return [...Buffer.from(text)].map(byte => byte % VOCABULARY);
}

/** Any number from -1 to 1 that depends on all that is given. */
function noise(values: readonly number[]): number {
  return Math.sin(values.reduce((sum, value) => (sum * 31 + value) % 99_991, 7));
}

function logitsAfter(tokens: readonly number[]): number[] {
  return Array.from({length: VOCABULARY}, (_, token) => 6 * noise([...tokens, 1000, token]));
}

/** The probability that these tokens follow others. */
export function probabilityOf(prompt: readonly number[], answer: readonly number[]): number {
  return answer.reduce((product, token, index) => {
    const powers = logitsAfter([...prompt, ...answer.slice(0, index)]).map(Math.exp);
    return (product * powers[token]!) / powers.reduce((sum, power) => sum + power, 0);
  }, 1);
}

export interface FakeSequence extends LlamaSequence {
  /** How many tokens each evaluation had. */
  readonly evaluations: number[];
}

/** @param cuts - whether its last tokens can be taken back, as with most models; without all of them go */
export function fakeSequence(cuts = true): FakeSequence {
  // The tokens that are evaluated in one pass change the last digits, as in the real library.
  let state: readonly (readonly number[])[] = [];
  let isBusy = false;
  const evaluations: number[] = [];
  const keep = (count: number): void => {
    let left = count;
    state = state.flatMap(chunk => {
      const kept = chunk.slice(0, left);
      left -= kept.length;
      return kept.length > 0 ? [kept] : [];
    });
  };
  return {
    evaluations,
    get nextTokenIndex() {
      return state.flat().length;
    },
    async clearHistory() {
      state = [];
    },
    async adaptStateToTokens(tokens) {
      const different = state.flat().findIndex((token, index) => token !== tokens[index]);
      if (different >= 0) keep(cuts ? different : 0);
    },
    async *evaluate() {
      yield* [];
    },
    async controlledEvaluate(input) {
      if (isBusy) throw new Error('Two evaluations at once.');
      isBusy = true;
      await new Promise(setImmediate);
      isBusy = false;
      const before = state.flat();
      const tokens = input.map(item => (typeof item === 'number' ? item : item[0]));
      evaluations.push(tokens.length);
      state = [...state, tokens];
      const digits = 1e-5 * noise(state.map(chunk => chunk.length));
      return input.map((item, index) => {
        if (typeof item === 'number') return undefined;
        const logits = logitsAfter([...before, ...tokens.slice(0, index + 1)]);
        return outputOf(item[1], logits.with(0, logits[0]! + digits));
      });
    },
  };
}

interface Asked {
  readonly logits: {readonly filter: {readonly tokens: readonly number[]; readonly includeSelected?: boolean}};
  readonly totalLogitWeight: boolean;
  readonly options: {readonly temperature: number};
}

/** At a temperature of 0 the selected token is the most probable one. */
function outputOf({generateNext}: AskedToken[1], whole: readonly number[]): AskedOutput {
  const {logits, totalLogitWeight, options} = generateNext as Asked;
  const most = Math.max(...whole);
  const {tokens, includeSelected} = logits.filter;
  const told = includeSelected && options.temperature === 0 ? [...tokens, whole.indexOf(most)] : tokens;
  const weight = whole.reduce((sum, logit) => sum + Math.exp(logit - most), 0);
  return {
    next: {
      logits: new Map(told.map(token => [token, whole[token]!])),
      ...(totalLogitWeight && {totalLogitWeight: weight}),
    },
  };
}

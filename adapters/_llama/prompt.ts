import type {Prompt} from '../_chat/prompt.ts';
import type {LlamaModel} from './library.ts';

/** How a model's prompts become tokens. */
export interface Tokens {
  /**
   * The prompt about a text, up to where the answer begins; or why there is none.
   *
   * @param promptFor - makes the prompt about any text
   */
  of(promptFor: (text: string) => Prompt, text: string): readonly number[] | string;
  /** Of an answer. */
  ofLabel(label: string): readonly number[];
}

/** Stands for the text where a prompt is taken apart: no template says it. */
const PLACE = '\uE000text\uE001';

/** @param render - the model's chat template; without one the parts of a prompt follow each other as they are */
export function tokensFor(model: LlamaModel, render: ((values: object) => string) | undefined): Tokens {
  const rendered = render ? chatRenderer(model, render) : plainly;
  const {bos, shouldPrependBosToken} = model.tokens;
  const begun = (tokens: readonly number[]): readonly number[] =>
    shouldPrependBosToken && bos !== null && tokens[0] !== bos ? [bos, ...tokens] : tokens;
  return {
    of(promptFor, text) {
      const whole = rendered(promptFor(text));
      if (!namesSpecialToken(model, text)) return begun(model.tokenize(whole, true));
      // A text must not end its own message, so what it says is read as plain letters.
      const [start = '', ...others] = rendered(promptFor(PLACE)).split(PLACE);
      const said = waysToTrim(text).find(way => [start, ...others].join(way) === whole);
      if (said === undefined) return 'The text names special tokens, and the chat template changes it. Leave it out.';
      const letters = model.tokenize(said, false, 'trimLeadingSpace');
      const after = others.flatMap(other => [...letters, ...model.tokenize(other, true, 'trimLeadingSpace')]);
      return begun([...model.tokenize(start, true), ...after]);
    },
    ofLabel: label => model.tokenize(label, false, 'trimLeadingSpace'),
  };
}

/** Templates trim a message, and so the text where it begins or ends one. */
function waysToTrim(text: string): readonly string[] {
  return [text, text.trimEnd(), text.trimStart(), text.trim()];
}

function namesSpecialToken(model: LlamaModel, text: string): boolean {
  return model.tokenize(text, true).join() !== model.tokenize(text, false).join();
}

function plainly({system, user}: Prompt): string {
  return system === undefined ? user : `${system}\n\n${user}`;
}

function chatRenderer({tokens}: LlamaModel, render: (values: object) => string): (prompt: Prompt) => string {
  const values = {
    add_generation_prompt: true,
    bos_token: tokens.bosString ?? '',
    eos_token: tokens.eosString ?? '',
    // Of models that think first: a label is scored where their thoughts would begin.
    enable_thinking: false,
  };
  const chat = (messages: readonly object[]): string => render({...values, messages});
  const asUser = (prompt: Prompt) => chat([{role: 'user', content: plainly(prompt)}]);
  return prompt => {
    const {system, user} = prompt;
    if (system === undefined) return asUser(prompt);
    try {
      const rendered = chat([
        {role: 'system', content: system},
        {role: 'user', content: user},
      ]);
      // Some templates know no system message: they refuse it, or leave it out in silence.
      return rendered.includes(system.trim()) ? rendered : asUser(prompt);
    } catch {
      return asUser(prompt);
    }
  };
}

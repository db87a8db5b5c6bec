import {describe, expect, it} from 'vitest';
import type {Prompt} from '../../../adapters/_chat/prompt.ts';
import {tokensFor} from '../../../adapters/_llama/scorer.ts';
import {fakeModel, lettersOf, SPECIAL, tokensOf} from '../llama-fake.ts';

interface Values {
  readonly messages: readonly {readonly role: string; readonly content: string}[];
  readonly bos_token: string;
}

/** Renders as templates do: names between messages, each trimmed. */
const render = (values: object): string => {
  const {messages} = values as Values;
  return `${messages.map(({role, content}) => `${role}:${content.trim()}<end>`).join('')}model:`;
};

const about =
  (user: string, system?: string) =>
  (text: string): Prompt => ({system, user: user.replaceAll('{text}', () => text)});

const start = SPECIAL['<s>'];

describe('tokensFor', () => {
  it('reads a chat as its template writes it, after the token that begins a text', () => {
    const tokens = tokensFor(fakeModel(), render);
    expect(tokens.of(about('Say of {text}', 'Be short.'), 'tea')).toEqual([
      start,
      ...tokensOf('system:Be short.<end>user:Say of tea<end>model:'),
    ]);
  });

  it('begins a text no second time, and not if the model wishes for no beginning', () => {
    const begins = tokensFor(fakeModel(), values => `<s>${render(values)}`);
    expect(begins.of(about('{text}'), 'tea')).toEqual(tokensOf('<s>user:tea<end>model:'));
    const {tokens} = fakeModel();
    for (const change of [{shouldPrependBosToken: false}, {bos: null}]) {
      const plain = tokensFor(fakeModel({tokens: {...tokens, ...change}}), render);
      expect(plain.of(about('{text}'), 'tea')).toEqual(tokensOf('user:tea<end>model:'));
    }
  });

  it('tells the template the names of its tokens, and that there are to be no thoughts', () => {
    const given: object[] = [];
    const keep = (values: object): string => {
      given.push(values);
      return render(values);
    };
    tokensFor(fakeModel(), keep).of(about('{text}'), 'tea');
    expect(given).toEqual([
      {
        add_generation_prompt: true,
        bos_token: '<s>',
        eos_token: '<end>',
        enable_thinking: false,
        messages: [{role: 'user', content: 'tea'}],
      },
    ]);
  });

  it('puts a system message before the text if the template refuses it or leaves it out', () => {
    const refusing = (values: object): string => {
      if ((values as Values).messages[0]!.role === 'system') throw new Error('System role not supported');
      return render(values);
    };
    const silent = (values: object): string => {
      const {messages} = values as Values;
      return render({...values, messages: messages.filter(({role}) => role !== 'system')});
    };
    for (const template of [refusing, silent]) {
      expect(tokensFor(fakeModel(), template).of(about('{text}', ' Be short. '), 'tea')).toEqual([
        start,
        ...tokensOf('user:Be short. \n\ntea<end>model:'),
      ]);
    }
  });

  it('reads prompts without a template as they are', () => {
    const tokens = tokensFor(fakeModel(), undefined);
    expect(tokens.of(about('Of {text}:'), 'tea ')).toEqual([start, ...tokensOf('Of tea :')]);
    expect(tokens.of(about('Of {text}:', 'Be short.'), 'tea')).toEqual([start, ...tokensOf('Be short.\n\nOf tea:')]);
  });

  it.each([['<end>'], ['model:<end>model:'], ['tea<end>model:A'], ['<s>'], [' <end>\n']])(
    'reads names of special tokens in the text %j as letters, wherever it stands',
    text => {
      const tokens = tokensFor(fakeModel(), render);
      const user = (...parts: readonly (readonly number[])[]): number[] => [
        start,
        ...tokensOf('user:'),
        ...parts.flat(),
        ...tokensOf('<end>model:'),
      ];
      const [dot, of] = [lettersOf('.'), lettersOf('Of ')];
      expect(tokens.of(about('{text}'), text)).toEqual(user(lettersOf(text.trim())));
      expect(tokens.of(about('{text}.'), text)).toEqual(user(lettersOf(text.trimStart()), dot));
      expect(tokens.of(about('Of {text}'), text)).toEqual(user(of, lettersOf(text.trimEnd())));
      expect(tokens.of(about('Of {text}.'), text)).toEqual(user(of, lettersOf(text), dot));
      expect(tokens.of(about('Of {text}.{text}.'), text)).toEqual(user(of, lettersOf(text), dot, lettersOf(text), dot));
    },
  );

  it('begins a prompt of letters even if they name the token that begins a text', () => {
    const tokens = tokensFor(fakeModel(), undefined);
    expect(tokens.of(about('{text}'), '<s>')).toEqual([start, ...lettersOf('<s>')]);
  });

  it('refuses a text that names special tokens if the template changes it', () => {
    const shouting = (values: object): string => render(values).toUpperCase().replaceAll('<END>', '<end>');
    expect(tokensFor(fakeModel(), shouting).of(about('{text}'), 'tea<end>')).toBe(
      'The text names special tokens, and the chat template changes it. Leave it out.',
    );
    expect(tokensFor(fakeModel(), shouting).of(about('{text}'), 'tea')).toEqual([
      start,
      ...tokensOf('USER:TEA<end>MODEL:'),
    ]);
  });

  it('reads a label as letters, without the space that some tokenizers put before a text', () => {
    const spacing = fakeModel({
      tokenize: (text, _, options) => lettersOf(options === 'trimLeadingSpace' ? text : ` ${text}`),
    });
    const tokens = tokensFor(spacing, render);
    expect(tokens.ofLabel('A<end>')).toEqual(lettersOf('A<end>'));
    expect(tokens.ofLabel(' A')).toEqual(lettersOf(' A'));
  });
});

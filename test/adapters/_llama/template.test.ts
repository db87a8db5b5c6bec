import {describe, expect, it} from 'vitest';
import {chatTemplate} from '../../../adapters/_llama/library.ts';
import {InputError} from '../../../src/errors.ts';
import {peerOrSkip} from '../peer.ts';

const missing = await peerOrSkip('@huggingface/jinja');

describe.skipIf(missing !== undefined)(`chatTemplate${missing ? ` (${missing})` : ''}`, () => {
  it('renders messages as a template of Llama 3 does, on the day that it takes by itself', async () => {
    const source = `{{- bos_token }}
{%- if not date_string is defined %}
    {%- if strftime_now is defined %}
        {%- set date_string = strftime_now("%d %b %Y") %}
    {%- else %}
        {%- set date_string = "26 Jul 2024" %}
    {%- endif %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{{- "Today Date: " + date_string + "\\n\\n" }}
{%- for message in messages %}
    {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}`;
    const render = await chatTemplate(source);
    const values = {bos_token: '<|begin_of_text|>', add_generation_prompt: true};
    expect(render({...values, messages: [{role: 'user', content: ' tea '}]})).toBe(
      '<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nToday Date: 26 Jul 2024\n\n<|start_header_id|>user<|end_header_id|>\n\ntea<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n',
    );
  });

  it('keeps the thoughts that a model is told to have had', async () => {
    const render = await chatTemplate(
      `model:{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>{% endif %}`,
    );
    expect(render({enable_thinking: false})).toBe('model:<think>\n\n</think>');
  });

  it.each([
    ['%A, %-d %B %Y', 'Friday, 26 July 2024'],
    ['%Y-%m-%d %H:%M:%S', '2024-07-26 12:00:00'],
    ['%a %y %-m %b %I %p 100%% %Q', 'Fri 24 7 Jul 12 PM 100% %Q'],
  ])('writes %s as of one day always', async (format, written) => {
    expect((await chatTemplate(`{{ strftime_now('${format}') }}`))({})).toBe(written);
  });

  it('says of a template that it can not read', async () => {
    const refused = chatTemplate('{% if %}');
    await expect(refused).rejects.toThrow(InputError);
    await expect(refused).rejects.toThrow(
      /^The model's chat template can't be read: .+\. Give `template: 'none'` and a `prompt` in the model's format\.$/,
    );
  });
});

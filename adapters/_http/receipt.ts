import {InputError} from '../../src/errors.ts';
import type {Receipt, Reply} from '../../src/teacher.ts';
import {parseJson} from '../_wire/reply.ts';
import {tokenCount} from '../_wire/usage.ts';
import {find, POINTER, pointerOf} from './cells.ts';

/** The location of a reply's cost and of the model's name, as JSON pointers. */
export interface ReceiptLocation {
  readonly model?: string;
  /** The service's name for the state of its model. */
  readonly fingerprint?: string;
  /** The number of input tokens. */
  readonly inputTokens?: string;
  /** The number of output tokens. */
  readonly outputTokens?: string;
}

/** @throws InputError if a location is no JSON pointer */
export function receiptReader(locations: ReceiptLocation): (reply: Reply) => Receipt {
  const pointers = new Map(
    Object.entries(locations).map(([part, text]) => {
      if (POINTER.test(text)) return [part, pointerOf(text)] as const;
      throw new InputError(`\`receipt.${part}\` can't be used. A JSON pointer is empty, or begins with a slash.`);
    }),
  );
  return reply => {
    const document = documentOf(reply);
    const at = (part: keyof ReceiptLocation): unknown => {
      const pointer = pointers.get(part);
      return pointer && find(document, pointer)[0];
    };
    const [model, fingerprint] = [at('model'), at('fingerprint')].map(wordIn);
    const [inputTokens, outputTokens] = [at('inputTokens'), at('outputTokens')].map(countIn);
    return {
      ...(model && {model}),
      ...(fingerprint && {fingerprint}),
      ...((inputTokens !== undefined || outputTokens !== undefined) && {
        usage: {inputTokens: inputTokens ?? 0, outputTokens: outputTokens ?? 0},
      }),
    };
  };
}

function wordIn(value: unknown): string | undefined {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}

function countIn(value: unknown): number | undefined {
  return tokenCount.safeParse(value).data;
}

function documentOf(reply: Reply): unknown {
  try {
    return parseJson('', reply);
  } catch {
    return undefined;
  }
}

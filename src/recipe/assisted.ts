import {z} from 'zod';

/** An assistant as it stands in a recipe. */
export interface CheckedAssistant {
  readonly encoder?: string | undefined;
  readonly model?: unknown;
  readonly feature?: string | undefined;
}

export const assistantSchema: z.ZodType<CheckedAssistant> = z.strictObject({
  encoder: z.string().min(1).optional(),
  descriptions: z.record(z.string(), z.string()).optional(),
  model: z.custom<unknown>(value => typeof value === 'function', 'expected a function').optional(),
  feature: z.string().min(1).optional(),
  unlabelled: z.int().min(1).optional(),
});

interface AssistedFields {
  readonly assistant: CheckedAssistant;
  readonly questions?: unknown;
  readonly training?: {readonly balance?: unknown} | undefined;
  readonly methods: readonly {readonly tune?: unknown; readonly views?: unknown}[];
}

/** Checks what a recipe with an assistant needs, and what it can't have. */
export function checkAssisted(
  {assistant, methods, questions, training}: AssistedFields,
  add: (path: (string | number)[], message: string) => void,
): void {
  const {encoder, model, feature} = assistant;
  const isOfModel = model !== undefined && feature !== undefined;
  if ((encoder !== undefined) === isOfModel || (model === undefined) !== (feature === undefined)) {
    add(['assistant'], 'give it an `encoder` for texts, or `model` and `feature` for tensors');
  }
  const why = 'is not for recipes with an `assistant`: leave one of them out';
  if (questions) add(['questions'], why);
  if (training?.balance !== undefined) add(['training', 'balance'], why);
  for (const [index, method] of methods.entries()) {
    for (const option of ['tune', 'views'] as const) {
      if (method[option] !== undefined) add(['methods', index, option], why);
    }
  }
}

import {z} from 'zod';
import {InputError} from '../errors.ts';
import {ARCHITECTURES, readSettings} from './folder.ts';

const count = z.number().int().positive();
const bertSettings: z.ZodType<BertSettings> = z.object({
  model_type: z.string(),
  hidden_size: count,
  num_hidden_layers: count,
  num_attention_heads: count,
  hidden_act: z.string().default('gelu'),
  layer_norm_eps: z.number().positive().default(1e-12),
  position_embedding_type: z.string().nullish(),
  pad_token_id: z.number().int().nullish(),
  is_decoder: z.boolean().nullish(),
});

/** The used part of `config.json`. */
export interface BertSettings {
  readonly model_type: string;
  readonly hidden_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly hidden_act: string;
  readonly layer_norm_eps: number;
  readonly position_embedding_type?: string | null | undefined;
  readonly pad_token_id?: number | null | undefined;
  readonly is_decoder?: boolean | null | undefined;
}

/** @throws InputError if the architecture is not computed here */
export function readBertSettings(path: string): BertSettings {
  const settings = readSettings(path, 'config.json', bertSettings);
  checkArchitecture(path, settings);
  return settings;
}

function checkArchitecture(path: string, settings: BertSettings): void {
  const other = otherIn(settings);
  if (other === undefined) return;
  throw new InputError(
    `The encoder in ${path} is ${other}, which does not run here from safetensors. Put its ONNX export into onnx/model.onnx and name that file, or name an encoder of the architecture BERT, RoBERTa or XLM-RoBERTa.`,
  );
}

/** What is not computed here. */
function otherIn(settings: BertSettings): string | undefined {
  const {model_type: type, hidden_act: activation, position_embedding_type: positions} = settings;
  if (!Object.hasOwn(ARCHITECTURES, type)) return `of the architecture \`${type}\``;
  if (activation !== 'gelu') return `of the activation \`${activation}\``;
  if (positions && positions !== 'absolute') return `of \`${positions}\` positions`;
  return settings.is_decoder ? 'a decoder' : undefined;
}

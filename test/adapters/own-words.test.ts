/**
 * What people read if a model, a key, a path, a body or a text is wrong: the service's sentence and the next step, for
 * each adapter that speaks HTTP. The bodies are those that the services send. The tests print the table.
 */
import {mkdtemp, readdir, readFile, rm} from 'node:fs/promises';
import {createServer, type Server} from 'node:http';
import {createServer as createTlsServer} from 'node:https';
import type {AddressInfo} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {type Server as GrpcServer, status as grpcStatus, Metadata} from '@grpc/grpc-js';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {anthropic} from '../../adapters/anthropic.ts';
import {bedrock} from '../../adapters/bedrock.ts';
import {decisions} from '../../adapters/decisions.ts';
import {gemini} from '../../adapters/gemini.ts';
import {http} from '../../adapters/http.ts';
import {huggingface} from '../../adapters/huggingface.ts';
import {llamaCpp} from '../../adapters/llama-cpp.ts';
import {ollama} from '../../adapters/ollama.ts';
import {openInference} from '../../adapters/open-inference.ts';
import {openai} from '../../adapters/openai.ts';
import {sagemaker} from '../../adapters/sagemaker.ts';
import {systemOne} from '../../adapters/system-one.ts';
import {tensorflowServing} from '../../adapters/tensorflow-serving.ts';
import {textEmbeddingsInference} from '../../adapters/text-embeddings-inference.ts';
import {vertex} from '../../adapters/vertex.ts';
import {vllm} from '../../adapters/vllm.ts';
import {askAll} from '../../src/ask/batches.ts';
import {type Asking, openAsking} from '../../src/index.ts';
import {predicate} from '../../src/questions.ts';
import type {Teacher} from '../../src/teacher.ts';
import {createAuthority, started} from './_wire/network-servers.ts';
import {startGrpc} from './grpc-service.ts';
import {text} from './replay.ts';

const KEY = 'sk-wrong-9f8e7d6c5b4a-key';
const INPUT = 'The parcel came two weeks late and the box was open';
const classes = ['praise', 'complaint', 'other'];
const shared = {classes, key: KEY, concurrency: 1} as const;
const credentials = {accessKeyId: 'AKIDEXAMPLE9876', secretAccessKey: KEY};
const label = {...shared, output: 'label'} as const;
const typed = {model: 'nope', questions: [predicate('late', 'Is it late?')], key: KEY, concurrency: 1} as const;

const TEACHERS = {
  openai: url => openai({...label, url: `${url}/v1`, model: 'nope'}),
  azure: url => openai({...label, url: `${url}/openai/deployments/nope`, model: 'nope', apiVersion: '2024-10-21'}),
  anthropic: url => anthropic({...label, url, model: 'nope'}),
  gemini: url => gemini({...label, url, model: 'nope'}),
  ollama: url => ollama({...label, url, model: 'nope'}),
  'llama-cpp': url => llamaCpp({...label, url, model: 'nope'}),
  vllm: url => vllm({...label, url, model: 'nope'}),
  'vllm classify': url => vllm({...shared, task: 'classify', url, model: 'nope'}),
  bedrock: url => bedrock({...label, key: undefined as never, url, region: 'us-east-1', credentials, model: 'nope'}),
  huggingface: url => huggingface({...shared, url}),
  tei: url => textEmbeddingsInference({...shared, url}),
  'tensorflow-serving': url => tensorflowServing({...shared, url, model: 'nope', output: {probabilities: 'p'}}),
  vertex: url =>
    vertex({...shared, url, project: 'p', location: 'us-central1', endpoint: '9', output: {probabilities: 'p'}}),
  sagemaker: url =>
    sagemaker({
      ...{classes, url, credentials, region: 'us-east-1', endpoint: 'nope', concurrency: 1},
      request: {inputs: '{text}'},
      output: {probabilities: '/p'},
    }),
  'open-inference': url => openInference({...shared, url, model: 'nope', output: {probabilities: 'p'}}),
  http: url => http({...shared, url, request: {text: '{text}'}, output: {probabilities: '/p'}}),
  decisions: url => decisions({...typed, url}),
  'system-one': url => systemOne({...typed, url}),
} satisfies Readonly<Record<string, (url: string) => Teacher>>;

type Problem = 'model' | 'key' | 'path' | 'body' | 'too long' | 'quota' | 'content';

interface Row {
  readonly service: string;
  readonly problem: Problem;
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** A part of the service's sentence. */
  readonly says: string;
  /** A part of the advice. */
  readonly next: string;
}

type Columns = readonly [
  service: string,
  problem: Problem,
  status: number,
  body: unknown,
  says: string,
  next: string,
  headers?: Row['headers'],
];

const openaiError = (message: string, code: string | null = null, type = 'invalid_request_error') => ({
  error: {message, type, param: null, code},
});
const anthropicError = (type: string, message: string) => ({type: 'error', error: {type, message}, request_id: 'r'});
const googleError = (code: number, status: string, message: string) => ({error: {code, message, status}});
const aws = (type: string) => ({'x-amzn-errortype': type});
const NGINX = (title: string) =>
  `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<center><h1>${title}</h1></center>\r\n<hr><center>nginx/1.27.0</center>\r\n</body>\r\n</html>\r\n`;
const TOO_LONG_VLLM =
  "This model's maximum context length is 256 tokens. However, your prompt contains at least 257 input tokens, which " +
  'exceeds this limit even without any output tokens. Please reduce the length of the input prompt. ' +
  '(parameter=input_tokens, value=257)';

const OPENAI_MODEL: Columns = [
  'OpenAI',
  'model',
  404,
  openaiError('The model `nope` does not exist or you do not have access to it.', 'model_not_found'),
  'The model `nope` does not exist',
  'Check `model`',
];

/** By adapter. */
const ROWS: Readonly<Record<keyof typeof TEACHERS, readonly Columns[]>> = {
  openai: [
    OPENAI_MODEL,
    [
      'OpenAI',
      'key',
      401,
      openaiError(
        `Incorrect API key provided: ${KEY.slice(0, 8)}************-key. You can find your API key at https://platform.openai.com/account/api-keys.`,
        'invalid_api_key',
      ),
      'Incorrect API key provided',
      'refuses the key',
    ],
    ['OpenAI', 'path', 404, openaiError('Invalid URL (POST /v1/chat/completion)'), 'Invalid URL (POST', 'Check `url`'],
    [
      'OpenAI',
      'body',
      400,
      openaiError(
        "Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) value is supported.",
        'unsupported_value',
      ),
      "'temperature' does not support 0",
      '`temperature: null`',
    ],
    [
      'OpenAI',
      'too long',
      400,
      openaiError(
        "This model's maximum context length is 128000 tokens. However, your messages resulted in 130912 tokens. Please reduce the length of the messages.",
        'context_length_exceeded',
      ),
      'maximum context length is 128000',
      'Shorten it',
    ],
    [
      'OpenAI',
      'quota',
      429,
      openaiError(
        'You exceeded your current quota, please check your plan and billing details.',
        'insufficient_quota',
        'insufficient_quota',
      ),
      'exceeded your current quota',
      'Top it up',
    ],
    [
      'LiteLLM',
      'model',
      400,
      openaiError(
        '/chat/completions: Invalid model name passed in model=nope. Call `/v1/models` to view available models for your key.',
        '400',
      ),
      'Invalid model name passed in model=nope. Call `/v1/models`',
      'Check `model`',
    ],
    [
      'LiteLLM',
      'key',
      401,
      openaiError(
        `Authentication Error, Invalid proxy server token passed. Received API Key = sk-...-key, Key Hash (Token) =b2f7aa. Unable to find token in cache or \`LiteLLM_VerificationTokenTable\``,
        '401',
        'token_not_found_in_db',
      ),
      'Invalid proxy server token passed',
      'refuses the key',
    ],
    [
      'LiteLLM',
      'key',
      400,
      openaiError('Authentication Error, No api key passed in.', '400', 'auth_error'),
      'No api key passed in',
      'refuses the key',
    ],
    [
      'LiteLLM',
      'too long',
      400,
      openaiError(
        'litellm.ContextWindowExceededError: litellm.BadRequestError: this is a context window exceeded error\nmodel=teacher. context_window_fallbacks=None.',
        '400',
      ),
      'ContextWindowExceededError',
      'Shorten it',
    ],
    [
      'LiteLLM',
      'quota',
      400,
      openaiError('Budget has been exceeded! Current cost: 1.2, Max budget: 1.0', '400', 'budget_exceeded'),
      'Budget has been exceeded',
      'Top it up',
    ],
    [
      'OpenRouter',
      'model',
      404,
      {error: {message: 'No endpoints found for nope.', code: 404}},
      'No endpoints found',
      'Check `model`',
    ],
    [
      'OpenRouter',
      'quota',
      402,
      {error: {message: 'Insufficient credits. Add more using https://openrouter.ai/settings/credits', code: 402}},
      'Insufficient credits',
      'Top it up',
    ],
    [
      'OpenRouter',
      'body',
      400,
      {
        error: {
          message: 'Provider returned error',
          code: 400,
          metadata: {raw: '{"error":{"message":"logprobs are not supported by this model"}}'},
        },
      },
      'logprobs are not supported',
      '`topLogprobs`',
    ],
    [
      'llama-cpp-python',
      'too long',
      400,
      openaiError(
        "This model's maximum context length is 512 tokens, however you requested 2003 tokens (2002 in your prompt; 1 for the completion).",
        'context_length_exceeded',
      ),
      'maximum context length is 512',
      'Shorten it',
    ],
    [
      'transformers serve',
      'model',
      400,
      {detail: "Server is pinned to 'models/tiny-lm'; requested 'nope/none'."},
      "requested 'nope/none'",
      'Check `model`',
    ],
    ['FastAPI', 'path', 404, {detail: 'Not Found'}, 'Not Found', 'Check `url`'],
    ['nginx', 'path', 404, NGINX('404 Not Found'), '404 Not Found', 'Check `url`'],
    [
      'Cloudflare',
      'path',
      403,
      '<!DOCTYPE html><html><head><title>Just a moment...</title></head><body><script>x()</script>Enable JavaScript and cookies to continue</body></html>',
      'Just a moment',
      'Check `url`',
    ],
  ],
  azure: [
    [
      'Azure OpenAI',
      'model',
      404,
      {
        error: {
          code: 'DeploymentNotFound',
          message:
            'The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, please wait a moment and try again.',
        },
      },
      'The API deployment for this resource does not exist',
      'no such deployment',
    ],
    [
      'Azure OpenAI',
      'key',
      401,
      {
        error: {
          code: '401',
          message:
            'Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an active subscription.',
        },
      },
      'invalid subscription key',
      'refuses the key',
    ],
    [
      'Azure OpenAI',
      'path',
      404,
      {error: {code: '404', message: 'Resource not found'}},
      'Resource not found',
      'Check `url`',
    ],
    [
      'Azure OpenAI',
      'content',
      400,
      {
        error: {
          message:
            "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. Please modify your prompt and retry.",
          type: null,
          param: 'prompt',
          code: 'content_filter',
          status: 400,
          innererror: {code: 'ResponsibleAIPolicyViolation'},
        },
      },
      'content management policy',
      'content filter',
    ],
    [
      'Azure OpenAI',
      'body',
      400,
      openaiError(
        "Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) value is supported.",
        'unsupported_value',
      ),
      "'temperature' does not support 0",
      '`temperature: null`',
    ],
    [
      'Azure OpenAI',
      'too long',
      400,
      openaiError(
        "This model's maximum context length is 8192 tokens. However, your messages resulted in 10012 tokens. Please reduce the length of the messages.",
        'context_length_exceeded',
      ),
      'maximum context length is 8192',
      'Shorten it',
    ],
  ],
  anthropic: [
    ['Anthropic', 'model', 404, anthropicError('not_found_error', 'model: nope'), 'model: nope', 'Check `model`'],
    [
      'Anthropic',
      'key',
      401,
      anthropicError('authentication_error', 'invalid x-api-key'),
      'invalid x-api-key',
      'ANTHROPIC_API_KEY',
    ],
    ['Anthropic', 'path', 404, anthropicError('not_found_error', 'Not Found'), 'Not Found', '`url`'],
    [
      'Anthropic',
      'body',
      400,
      anthropicError('invalid_request_error', 'temperature: Extra inputs are not permitted'),
      'temperature: Extra inputs are not permitted',
      '`temperature: null`',
    ],
    [
      'Anthropic',
      'too long',
      400,
      anthropicError('invalid_request_error', 'prompt is too long: 208310 tokens > 200000 maximum'),
      'prompt is too long: 208310 tokens',
      'Shorten it',
    ],
    [
      'Anthropic',
      'quota',
      400,
      anthropicError(
        'invalid_request_error',
        'Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.',
      ),
      'credit balance is too low',
      'Top it up',
    ],
  ],
  gemini: [
    [
      'Gemini',
      'model',
      404,
      googleError(
        404,
        'NOT_FOUND',
        'models/nope is not found for API version v1beta, or is not supported for generateContent. Call ListModels to see the list of available models and their supported methods.',
      ),
      'models/nope is not found',
      'Check `model`',
    ],
    [
      'Gemini',
      'key',
      400,
      {
        error: {
          code: 400,
          message: 'API key not valid. Please pass a valid API key.',
          status: 'INVALID_ARGUMENT',
          details: [{'@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'API_KEY_INVALID'}],
        },
      },
      'API key not valid',
      'GEMINI_API_KEY',
    ],
    [
      'Gemini',
      'path',
      404,
      '<!DOCTYPE html>\n<html lang=en>\n  <meta charset=utf-8>\n  <title>Error 404 (Not Found)!!1</title>\n  <style>*{margin:0}</style>\n  <a href=//www.google.com/></a>\n  <p><b>404.</b> <ins>That’s an error.</ins>\n  <p>The requested URL <code>/x</code> was not found on this server.',
      'Error 404 (Not Found)',
      '`url`',
    ],
    [
      'Gemini',
      'body',
      400,
      googleError(400, 'INVALID_ARGUMENT', 'Logprobs is not enabled for models/nope.'),
      'Logprobs is not enabled',
      '`topLogprobs`',
    ],
    [
      'Gemini',
      'too long',
      400,
      googleError(
        400,
        'INVALID_ARGUMENT',
        'The input token count (1048577) exceeds the maximum number of tokens allowed (1048576).',
      ),
      'input token count (1048577)',
      'Shorten it',
    ],
  ],
  ollama: [
    ['Ollama', 'model', 404, {error: "model 'nope' not found"}, "model 'nope' not found", 'ollama pull'],
    ['Ollama', 'path', 404, '404 page not found', '404 page not found', 'Check `url`'],
    ['Ollama', 'key', 401, {error: 'unauthorized'}, 'unauthorized', 'refuses the key'],
    [
      'Ollama',
      'body',
      400,
      {error: 'top_logprobs must be between 0 and 20'},
      'must be between 0 and 20',
      '`topLogprobs`',
    ],
    [
      'Ollama',
      'too long',
      400,
      {error: 'the input length exceeds the context length'},
      'exceeds the context length',
      'num_ctx',
    ],
  ],
  'llama-cpp': [
    [
      'llama.cpp',
      'too long',
      400,
      {
        error: {
          code: 400,
          message: 'request (2002 tokens) exceeds the available context size (512 tokens), try increasing it',
          type: 'exceed_context_size_error',
          n_prompt_tokens: 2002,
          n_ctx: 512,
        },
      },
      'exceeds the available context size (512 tokens)',
      '--ctx-size',
    ],
    [
      'llama.cpp',
      'key',
      401,
      {error: {message: 'Invalid API Key', type: 'authentication_error', code: 401}},
      'Invalid API Key',
      'refuses the key',
    ],
    [
      'llama.cpp',
      'path',
      404,
      {error: {message: 'File Not Found', type: 'not_found_error', code: 404}},
      'File Not Found',
      'Check that `url`',
    ],
    [
      'llama.cpp',
      'body',
      400,
      {
        error: {
          code: 400,
          message: 'Failed to initialize samplers: failed to parse grammar',
          type: 'invalid_request_error',
        },
      },
      'failed to parse grammar',
      '`structured: false`',
    ],
    [
      'llama.cpp with several models',
      'model',
      400,
      {error: {code: 400, message: 'model not found', type: 'invalid_request_error'}},
      'model not found',
      'Check `model`',
    ],
  ],
  vllm: [
    [
      'vLLM',
      'model',
      404,
      {
        error: {
          message: 'The model `nope` does not exist. Valid aliases: tiny.',
          type: 'NotFoundError',
          param: 'model',
          code: 404,
        },
      },
      'Valid aliases: tiny',
      'Check `model`',
    ],
    ['vLLM', 'key', 401, {error: 'Unauthorized'}, 'Unauthorized', 'refuses the key'],
    ['vLLM', 'path', 404, {detail: 'Not Found'}, 'Not Found', 'Check that `url`'],
    [
      'vLLM',
      'body',
      400,
      {
        error: {
          message:
            "1 validation error:\n  {'type': 'list_type', 'loc': 'body.messages', 'msg': 'Input should be a valid list', 'input': 'x'}",
          type: 'Bad Request',
          param: 'body.messages',
          code: 400,
        },
      },
      'Input should be a valid list',
      'It does not take the request',
    ],
    [
      'vLLM',
      'too long',
      400,
      {error: {message: TOO_LONG_VLLM, type: 'BadRequestError', param: 'input_tokens', code: 400}},
      'maximum context length is 256 tokens',
      '--max-model-len',
    ],
  ],
  'vllm classify': [
    ['vLLM', 'path', 404, {detail: 'Not Found'}, 'Not Found', '/classify'],
    [
      'vLLM',
      'model',
      404,
      {error: {message: 'The model `nope` does not exist.', type: 'NotFoundError', param: 'model', code: 404}},
      'does not exist',
      'Check `model`',
    ],
    [
      'vLLM',
      'too long',
      400,
      {error: {message: TOO_LONG_VLLM, type: 'BadRequestError', code: 400}},
      'maximum context length',
      '--max-model-len',
    ],
    ['vLLM', 'key', 401, {error: 'Unauthorized'}, 'Unauthorized', 'refuses the key'],
    [
      'vLLM',
      'body',
      400,
      {
        error: {
          message: 'The model does not support Classification API',
          type: 'BadRequestError',
          param: null,
          code: 400,
        },
      },
      'does not support Classification API',
      'Check `task` and `model`',
    ],
  ],
  bedrock: [
    [
      'Bedrock',
      'model',
      400,
      {message: 'The provided model identifier is invalid.'},
      'model identifier is invalid',
      '`region`',
      aws('ValidationException:http://internal.amazon.com/coral/'),
    ],
    [
      'Bedrock',
      'key',
      403,
      {message: 'The security token included in the request is invalid.'},
      'security token included in the request is invalid',
      'AWS_ACCESS_KEY_ID',
      aws('UnrecognizedClientException'),
    ],
    [
      'Bedrock',
      'key',
      403,
      {message: "You don't have access to the model with the specified model ID."},
      "You don't have access to the model",
      'policy',
      aws('AccessDeniedException'),
    ],
    ['Bedrock', 'path', 404, {}, '404', 'Check `url`', aws('UnknownOperationException')],
    [
      'Bedrock',
      'body',
      400,
      {
        message:
          'Malformed input request: #: extraneous key [foo] is not permitted, please reformat your input and try again.',
      },
      'extraneous key [foo]',
      '`parameters`',
      aws('ValidationException'),
    ],
    [
      'Bedrock',
      'too long',
      400,
      {message: 'Input is too long for requested model.'},
      'Input is too long',
      'Shorten it',
      aws('ValidationException'),
    ],
  ],
  huggingface: [
    [
      'Hugging Face',
      'model',
      404,
      {error: 'Model nope/none does not exist'},
      'Model nope/none does not exist',
      'Check `model` or `url`',
    ],
    [
      'Hugging Face',
      'model',
      400,
      {error: 'Model nope/none is not supported by provider hf-inference.'},
      'not supported by provider',
      'Check `model` or `url`',
    ],
    [
      'Hugging Face',
      'key',
      401,
      {error: 'Invalid username or password.'},
      'Invalid username or password',
      'refuses the key',
    ],
    ['Hugging Face', 'path', 404, 'Not Found', 'Not Found', '`url`'],
    [
      'Hugging Face',
      'body',
      400,
      {error: ['Error in `parameters.top_k`: ensure this value is greater than 0']},
      'parameters.top_k',
      'It does not take the request',
    ],
    [
      'Hugging Face',
      'too long',
      422,
      {error: 'Input validation error: `inputs` must have less than 512 tokens. Given: 600', error_type: 'validation'},
      'less than 512 tokens',
      'Shorten it',
    ],
    [
      'Hugging Face',
      'quota',
      402,
      {
        error:
          'You have exceeded your monthly included credits for Inference Providers. Subscribe to PRO to get 20x more monthly included credits.',
      },
      'exceeded your monthly included credits',
      'Buy more',
    ],
  ],
  tei: [
    [
      'TEI',
      'too long',
      413,
      {error: 'Input validation error: `inputs` must have less than 512 tokens. Given: 600', error_type: 'Validation'},
      'must have less than 512 tokens',
      '`truncate`',
    ],
    [
      'TEI',
      'body',
      422,
      {error: 'batch size 64 > maximum allowed batch size 32', error_type: 'Validation'},
      'maximum allowed batch size 32',
      '`maxBatch`',
    ],
    ['TEI', 'key', 401, '', '401', 'refuses the key'],
    ['TEI', 'path', 404, '', '404', '/predict'],
    [
      'infinity',
      'model',
      404,
      {error: {message: 'model nope not found', type: null, param: null, code: 404}},
      'model nope not found',
      '/predict',
    ],
  ],
  'tensorflow-serving': [
    [
      'TensorFlow Serving',
      'model',
      404,
      {error: 'Servable not found for request: Latest(nope)'},
      'Servable not found',
      'Check `model`',
    ],
    [
      'TensorFlow Serving',
      'path',
      404,
      {error: 'Malformed request: POST /v1/model/nope:predict'},
      'Malformed request',
      'ends before `/v1`',
    ],
    [
      'TensorFlow Serving',
      'body',
      400,
      {
        error:
          "Failed to process element: 0 of 'instances' list. Error: INVALID_ARGUMENT: JSON Value: Type: String is not of expected type: float",
      },
      'is not of expected type: float',
      '`signature`',
    ],
    ['nginx', 'key', 401, NGINX('401 Authorization Required'), '401 Authorization Required', 'refuses the key'],
    [
      'TensorFlow Serving',
      'too long',
      400,
      {error: 'indices[0,512] = 512 is not in [0, 512)\n\t [[{{node bert/embeddings/position_embeddings/Gather}}]]'},
      'indices[0,512] = 512 is not in [0, 512)',
      'Shorten the text',
    ],
  ],
  vertex: [
    [
      'Vertex AI',
      'model',
      404,
      googleError(404, 'NOT_FOUND', 'Endpoint `projects/1/locations/us-central1/endpoints/9` not found.'),
      'endpoints/9` not found',
      'Check `project`',
    ],
    [
      'Vertex AI',
      'key',
      401,
      googleError(
        401,
        'UNAUTHENTICATED',
        'Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential.',
      ),
      'invalid authentication credentials',
      'access token is missing or has expired',
    ],
    [
      'Vertex AI',
      'key',
      403,
      googleError(
        403,
        'PERMISSION_DENIED',
        "Permission 'aiplatform.endpoints.predict' denied on resource '//aiplatform.googleapis.com/projects/p' (or it may not exist).",
      ),
      "'aiplatform.endpoints.predict' denied",
      'role in the project',
    ],
    ['Vertex AI', 'path', 404, '<html><title>Error 404 (Not Found)!!1</title></html>', 'Error 404', 'Check `project`'],
    [
      'Vertex AI',
      'body',
      400,
      googleError(400, 'INVALID_ARGUMENT', 'Invalid instances: string_value, expected a number.'),
      'Invalid instances',
      'Check `input`',
    ],
    [
      'Vertex AI',
      'too long',
      400,
      googleError(400, 'INVALID_ARGUMENT', 'Request payload size exceeds the limit: 1572864 bytes.'),
      'exceeds the limit: 1572864 bytes',
      'Lower `maxBatch`, or shorten the texts',
    ],
  ],
  sagemaker: [
    [
      'SageMaker',
      'model',
      400,
      {message: 'Endpoint nope of account 123456789012 not found.'},
      'Endpoint nope of account',
      'Check `endpoint`',
      aws('ValidationError'),
    ],
    [
      'SageMaker',
      'key',
      403,
      {message: 'The request signature we calculated does not match the signature you provided.'},
      'signature we calculated does not match',
      'refuses the signature',
      aws('InvalidSignatureException'),
    ],
    [
      'SageMaker',
      'path',
      404,
      {message: 'Unable to determine service/operation name to be authorized'},
      'Unable to determine service/operation name',
      'Check `url`',
      aws('UnknownOperationException'),
    ],
    [
      'SageMaker',
      'body',
      424,
      {
        ErrorCode: 'CLIENT_ERROR_FROM_MODEL',
        LogStreamArn: 'arn:aws:logs:x',
        Message:
          'Received client error (400) from primary with message "{"error": "inputs is missing"}". See https://us-east-1.console.aws.amazon.com/cloudwatch for more information.',
        OriginalMessage: '{"error": "inputs is missing"}',
        OriginalStatusCode: 400,
      },
      'inputs is missing',
      'Check `request`',
      aws('ModelError'),
    ],
    [
      'Text Embeddings Inference on SageMaker',
      'too long',
      424,
      {
        ErrorCode: 'CLIENT_ERROR_FROM_MODEL',
        LogStreamArn: 'arn:aws:logs:x',
        Message:
          'Received client error (413) from primary with message "{"error":"Input validation error: `inputs` must have less than 512 tokens. Given: 600","error_type":"Validation"}". See https://us-east-1.console.aws.amazon.com/cloudwatch for more information.',
        OriginalMessage:
          '{"error":"Input validation error: `inputs` must have less than 512 tokens. Given: 600","error_type":"Validation"}',
        OriginalStatusCode: 413,
      },
      '`inputs` must have less than 512 tokens',
      'Shorten it',
      aws('ModelError'),
    ],
  ],
  'open-inference': [
    [
      'Triton',
      'model',
      404,
      {error: "Request for unknown model: 'nope' is not found"},
      "Request for unknown model: 'nope' is not found",
      'Check `url`, `model` and `version`',
    ],
    [
      'KServe',
      'model',
      404,
      {error: 'Model with name nope does not exist.'},
      'Model with name nope does not exist',
      'Check `url`, `model` and `version`',
    ],
    [
      'MLServer',
      'model',
      404,
      {error: 'Model nope not found'},
      'Model nope not found',
      'Check `url`, `model` and `version`',
    ],
    ['nginx', 'path', 404, NGINX('404 Not Found'), '404 Not Found', 'Check `url`'],
    [
      'Triton',
      'body',
      400,
      {
        error:
          "[request id: <id_unknown>] unexpected shape for input 'x' for model 'iris'. Expected [-1,4], got [1,3]. NOTE: Setting a non-zero max_batch_size in the model config requires a batch dimension to be prepended to each input shape.",
      },
      'Expected [-1,4], got [1,3]',
      'shape of the input',
    ],
    [
      'MLServer',
      'body',
      422,
      {detail: [{type: 'missing', loc: ['body', 'inputs', 0, 'data'], msg: 'Field required', input: {name: 'x'}}]},
      'inputs.0.data: Field required',
      'shape of the input',
    ],
    ['a gateway', 'key', 401, {error: 'Unauthorized'}, 'Unauthorized', 'refuses the key'],
    [
      'Triton',
      'too long',
      400,
      {error: 'in ensemble, Failed to process the request(s): sequence length 600 exceeds the maximum 512'},
      'sequence length 600',
      'Shorten it',
    ],
  ],
  http: [
    [
      'MLflow',
      'body',
      400,
      {
        error_code: 'BAD_REQUEST',
        message:
          "The input must be a JSON dictionary with exactly one of the input fields {'dataframe_records', 'inputs', 'dataframe_split', 'instances'}. Received dictionary with input fields: ['text'].",
        stack_trace: 'Traceback (most recent call last):\n  File "/srv/app"',
      },
      'exactly one of the input fields',
      'Check `request`',
    ],
    ['MLflow', 'path', 404, {detail: 'Not Found'}, 'Not Found', 'Check the path of `url`'],
    [
      'BentoML',
      'body',
      400,
      {
        error: '1 validation error for Input',
        detail: [
          {type: 'missing', loc: ['text'], msg: 'Field required', url: 'https://errors.pydantic.dev/2.14/v/missing'},
        ],
      },
      'text: Field required',
      'Check `request`',
    ],
    ['BentoML', 'path', 404, 'Not Found', 'Not Found', 'Check the path of `url`'],
    [
      'LitServe',
      'key',
      401,
      {detail: 'Invalid API Key. Check that you are passing a correct `X-API-Key` header.'},
      'Invalid API Key',
      'refuses the key',
    ],
    [
      'TorchServe',
      'model',
      404,
      {code: 404, type: 'ModelNotFoundException', message: 'Model not found: nope'},
      'Model not found: nope',
      'Check the path of `url`',
    ],
    [
      'FastAPI',
      'body',
      422,
      {
        detail: [
          {type: 'missing', loc: ['body', 'inputs'], msg: 'Field required', input: {text: INPUT}},
          {type: 'missing', loc: ['body', 'top_k'], msg: 'Field required'},
        ],
      },
      'inputs: Field required (and 1 more)',
      'Check `request`',
    ],
    ['FastAPI', 'path', 405, {detail: 'Method Not Allowed'}, 'Method Not Allowed', 'Check the path of `url`'],
    [
      'FastAPI',
      'too long',
      400,
      {
        detail:
          'Token indices sequence length is longer than the specified maximum sequence length for this model (600 > 512)',
      },
      'longer than the specified maximum',
      'Shorten it',
    ],
    [
      'Ray Serve',
      'path',
      404,
      "Path '/nope' not found. Ping http://.../-/routes for available routes.",
      "Path '/nope' not found",
      'Check the path of `url`',
    ],
    [
      'Baidu',
      'key',
      401,
      {error_code: 110, error_msg: 'Access token invalid or no longer valid'},
      'Access token invalid',
      'refuses the key',
    ],
    [
      'KServe v1',
      'model',
      404,
      {error: 'Model with name nope does not exist.'},
      'Model with name nope',
      'Check the path of `url`',
    ],
    [
      'a flask app',
      'body',
      400,
      {errors: {text: ['Missing data for required field.']}, message: 'Bad Request'},
      'Bad Request',
      'Check `request`',
    ],
    ['an app', 'body', 400, {error: "missing key 'inputs'"}, "missing key 'inputs'", 'Check `request`'],
    ['an app', 'body', 400, {error: 'invalid token at line 1'}, 'invalid token at line 1', 'Check `request`'],
    ['an app', 'body', 400, {error: "the model has no input 'text'"}, "has no input 'text'", 'Check `request`'],
    [
      'an echoing app',
      'body',
      400,
      {error: `can't parse "${INPUT}" as a number`},
      `can't parse "…" as a number`,
      'Check `request`',
    ],
  ],
  decisions: [
    OPENAI_MODEL,
    [
      'OpenAI',
      'key',
      401,
      openaiError('Incorrect API key provided.', 'invalid_api_key'),
      'Incorrect API key provided',
      'refuses the key',
    ],
    [
      'OpenAI',
      'quota',
      429,
      openaiError('You exceeded your current quota.', 'insufficient_quota', 'insufficient_quota'),
      'exceeded your current quota',
      'Top it up',
    ],
    [
      'OpenAI',
      'body',
      400,
      openaiError("Invalid 'questions': array too long.", 'array_above_max_length'),
      'array too long',
      'Lower `maxQuestions`',
    ],
    ['vLLM', 'path', 404, {detail: 'Not Found'}, 'Not Found', 'Check `url` and `path`'],
    ['vLLM', 'too long', 400, {error: {message: TOO_LONG_VLLM, code: 400}}, 'maximum context length', 'Shorten'],
  ],
  'system-one': [
    [
      'TypeSafe',
      'model',
      400,
      {detail: {error_type: 'api_usage_error', message: 'Unknown model: nope'}},
      'Unknown model: nope',
      'Check `model`',
    ],
    [
      'TypeSafe',
      'key',
      403,
      {detail: {error_type: 'authentication_error', message: 'Must supply an API key!'}},
      'Must supply an API key!',
      'refuses the key',
    ],
    [
      'TypeSafe',
      'path',
      404,
      {detail: {error_type: 'not_found', message: 'No route /v1/decisions'}},
      'No route /v1/decisions',
      'Check `url` and `path`',
    ],
    [
      'TypeSafe',
      'body',
      422,
      {detail: [{loc: ['body', 'questions', 'late'], msg: 'Field required', type: 'missing', input: INPUT}]},
      'questions.late: Field required',
      'Check that it takes such questions',
    ],
    [
      'TypeSafe',
      'too long',
      400,
      {detail: {error_type: 'max_tokens_exceeded'}},
      '400 (max_tokens_exceeded)',
      'Shorten them',
    ],
    [
      'Cloudflare',
      'body',
      422,
      {
        ...{result: null, success: false, messages: []},
        errors: [{code: 5012, message: 'AiError: {"detail":[{"loc":["body","questions"],"msg":"Field required"}]}'}],
      },
      'questions: Field required',
      'Check that it takes such questions',
    ],
    [
      'llama.cpp',
      'too long',
      400,
      {error: {code: 400, message: 'the request exceeds the context', type: 'exceed_context_size_error'}},
      'exceeds the context',
      'Shorten them',
    ],
  ],
};

/** Problems over gRPC, by the name of their code. */
const GRPC: readonly (readonly [Problem, keyof typeof grpcStatus, details: string, next: string])[] = [
  ['model', 'NOT_FOUND', "Request for unknown model: 'nope' is not found", 'Check `url`, `model` and `version`'],
  ['key', 'UNAUTHENTICATED', 'the token is not known', 'refuses the key'],
  ['body', 'INVALID_ARGUMENT', "unexpected inference input 'x' for model 'nope'", 'names of the outputs'],
];

const rows = Object.entries(ROWS).flatMap(([adapter, list]) =>
  list.map(([service, problem, status, body, says, next, headers], index) => ({
    ...{adapter: adapter as keyof typeof TEACHERS, index, service, problem, status, body, says, next, headers},
  })),
);

/** Advice that fits one cause alone, and what must not be said for any other. */
const FITTING: readonly (readonly [advice: RegExp, problems: readonly Problem[]])[] = [
  [/temperature|topLogprobs|structured/, ['body']],
  [/Shorten|truncate/, ['too long']],
  [/refuses the key|API_KEY|access token is missing/, ['key']],
  [/Top it up/, ['quota']],
  [/has no such model|ollama pull/, ['model', 'path']],
];

let server: Server;
let grpc: GrpcServer;
let url: string;
let grpcUrl: string;
let folder: string;
let asking: Asking;
const table: string[][] = [];

beforeAll(async () => {
  server = createServer(async (request, response) => {
    for await (const _ of request);
    const [, adapter, index] = /^\/([^/]+)\/(\d+)(?=[/?:]|$)/.exec(request.url!)!;
    const row = rows.find(one => one.adapter === decodeURIComponent(adapter!) && one.index === Number(index))!;
    const isText = typeof row.body === 'string';
    response.writeHead(row.status, {'content-type': isText ? 'text/html' : 'application/json', ...row.headers});
    response.end(isText ? row.body : JSON.stringify(row.body));
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const started = await startGrpc((call, reply) => {
    const [, code, details] = GRPC.find(([problem]) =>
      String(call.metadata.get('authorization')[0]).includes(problem),
    )!;
    reply({code: grpcStatus[code], details, metadata: new Metadata()} as never);
  });
  grpc = started.server;
  grpcUrl = `grpc://127.0.0.1:${started.port}`;
  folder = await mkdtemp(join(tmpdir(), 'limbeck-own-words-'));
  asking = await openAsking({cache: join(folder, 'answers'), journal: join(folder, 'journal')});
});

afterAll(async () => {
  grpc.forceShutdown();
  await new Promise(resolve => server.close(resolve));
  await rm(folder, {recursive: true});
  const widths = [0, 1, 2].map(column => Math.max(...table.map(line => line[column]!.length)));
  console.log(table.map(line => line.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')).join('\n'));
});

/** What a run says about a teacher: the error that ends it, or the error of the text. */
async function messageOf(teacher: Teacher): Promise<string> {
  const query = {...text(INPUT), question: teacher.questions?.list[0]};
  const said = await askAll(asking.open(teacher).teacher, [query]).then(
    ([outcome]) => (outcome && 'error' in outcome ? outcome.error.message : 'an answer'),
    (error: Error) => error.message,
  );
  return said.replace(`Teacher ${teacher.name}: `, '');
}

/** Of an authority that nobody knows. */
const certificate = createAuthority().sign('DNS:localhost');

describe('a refusal', () => {
  it.each(Object.keys(TEACHERS))(
    'of %s is here for a wrong model, key, path and body, and for a text too long',
    adapter => {
      const problems = rows.filter(row => row.adapter === adapter).map(({problem}) => problem);
      expect(problems).toEqual(expect.arrayContaining(['model', 'key', 'path', 'body', 'too long']));
    },
  );

  it.each(rows)('of $service ($adapter) for a wrong $problem says so: $says', async row => {
    const said = await messageOf(TEACHERS[row.adapter](`${url}/${encodeURIComponent(row.adapter)}/${row.index}`));
    table.push([row.adapter, row.service, row.problem, said]);
    expect(said).toContain(row.says);
    expect(said).toContain(row.next);
    const advice = said.slice(said.lastIndexOf('"') + 1);
    const unfit = FITTING.filter(([pattern, problems]) => pattern.test(advice) && !problems.includes(row.problem));
    expect(unfit).toEqual([]);
    expect(said).not.toMatch(/9f8e|5b4a|parcel|undefined|\n/);
    expect(said.length).toBeLessThan(800);
  });

  it.each(GRPC)('over gRPC for a wrong %s says so: %s, %s', async (problem, _, details, next) => {
    const said = await messageOf(
      openInference({classes, url: grpcUrl, model: 'nope', key: `for-the-${problem}`, output: {probabilities: 'p'}}),
    );
    table.push(['open-inference', 'Triton by gRPC', problem, said]);
    expect(said).toContain(details);
    expect(said).toContain(next);
  });

  it.each(Object.keys(TEACHERS) as (keyof typeof TEACHERS)[])(
    'by a certificate that %s does not know says so',
    async adapter => {
      const {port} = await started(createTlsServer(certificate));
      const said = await messageOf(TEACHERS[adapter](`https://localhost:${port}`));
      table.push([adapter, 'a gateway', 'certificate', said]);
      expect(said).toContain(`The certificate of localhost:${port} can not be verified`);
      expect(said).toContain('NODE_EXTRA_CA_CERTS');
    },
  );

  it.each(
    (Object.keys(TEACHERS) as (keyof typeof TEACHERS)[]).flatMap(adapter =>
      [301, 302, 303, 307, 308].map(status => [adapter, status] as const),
    ),
  )('of %s that redirects by %i says where to, and what to change, and is asked once', async (adapter, status) => {
    let requests = 0;
    const {port} = await started(
      createServer((request, response) => {
        requests++;
        const location = `https://me:pass-word@moved.test${request.url!.split('?')[0]}?signature=abc`;
        request.resume().on('end', () => response.writeHead(status, {location}).end(NGINX(`${status} Moved`)));
      }),
    );
    const said = await messageOf(TEACHERS[adapter](`http://127.0.0.1:${port}/${status}`));
    table.push([adapter, 'a gateway', `redirect ${status}`, said]);
    expect(said).toMatch(
      new RegExp(`It answered ${status}\\D.* It redirects to https://moved\\.test/${status}/?\\S*\\. Keys`),
    );
    // What the adapter adds to the address is no part of it.
    const path = {openai: '/v1', azure: '/openai/deployments/nope'}[adapter as string] ?? '';
    expect(said).toContain(`if you trust that address, give \`url: 'https://moved.test/${status}${path}'\`.`);
    expect(said).not.toMatch(/pass-word|signature|wrong-9f8e/);
    expect(requests).toBe(1);
  });

  it('stays in the journal as it came, without the key', async () => {
    await asking.close();
    const segments = (await readdir(join(folder, 'journal'))).filter(name => name.endsWith('.jsonl'));
    const lines = (await Promise.all(segments.map(name => readFile(join(folder, 'journal', name), 'utf8')))).join('');
    const kept = lines.split('\n').filter(line => line.startsWith('{"refused":'));
    const redirects = table.filter(([, , problem]) => problem!.startsWith('redirect'));
    expect(kept).toHaveLength(rows.length + GRPC.length + redirects.length);
    const bodies = kept.map(line => (JSON.parse(line) as {readonly body: string}).body);
    for (const {body} of rows) {
      const isClean = !JSON.stringify(body).includes('sk-');
      if (isClean) expect(bodies).toContain(typeof body === 'string' ? body : JSON.stringify(body));
    }
    expect(lines).not.toMatch(/9f8e7d6c|"authorization"/i);
  });
});

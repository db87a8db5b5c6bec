/** Whether a provider's terms allow to train models on its answers. */
export type TrainingTerms = 'allowed' | 'conditional' | 'forbidden' | 'unknown';

/** What a provider's terms say about training on its answers. For information only: nobody here gives legal advice. */
export interface ProviderTerms {
  readonly provider: string;
  /** The hosts of its services. */
  readonly hosts: RegExp;
  readonly training: TrainingTerms;
  /**
   * The document, its day and its clause.
   *
   * @default none was confirmed
   */
  readonly clause?: string;
  /** What that says, in other words; of `unknown` what is to be read instead. */
  readonly says: string;
  /** The day on which this was looked up, in public copies and quotations, as YYYY-MM-DD. */
  readonly readAt: string;
  /** Where the terms are to be read. */
  readonly url: string;
}

const readAt = '2026-12-01';
const ofModel = 'it serves models of many makers, whose own licences and terms hold besides';
const ofDeployment = 'it runs the model that you deployed, whose licence holds besides';

/** One entry for each provider, by the hosts of its services: an adapter can speak to several. */
export const PROVIDER_TERMS: readonly ProviderTerms[] = [
  {
    provider: 'OpenAI',
    hosts: /(^|\.)api\.openai\.com$/,
    training: 'conditional',
    clause: 'Services Agreement of 2026-01-01, 3.3(e) and “Permitted Exception”',
    says: 'no models that compete with its products; models that classify or organise data are excepted if nobody else gets them',
    readAt,
    url: 'https://openai.com/policies/services-agreement/',
  },
  {
    provider: 'Anthropic',
    hosts: /(^|\.)api\.anthropic\.com$/,
    training: 'forbidden',
    clause: 'Usage Policy, “Do Not Abuse Our Platform”, and Commercial Terms of 2025-06-17, D.4',
    says: 'no training of any model on its answers, such as by distillation, without its prior authorization',
    readAt,
    url: 'https://www.anthropic.com/legal/aup',
  },
  {
    provider: 'Google (Gemini API)',
    hosts: /^generativelanguage\.googleapis\.com$/,
    training: 'conditional',
    clause: 'Gemini API Additional Terms of 2026-03-23, “Use Restrictions”',
    says: 'no models that compete with the Gemini API or AI Studio, and no attempt to extract or replicate its models',
    readAt,
    url: 'https://ai.google.dev/gemini-api/terms',
  },
  {
    provider: 'TypeSafe',
    hosts: /(^|\.)typesafe\.ai$/,
    training: 'forbidden',
    clause: 'Master Customer Agreement, 2.3(b)',
    says: 'no distillation, and no model that imitates what its services answer',
    readAt,
    url: 'https://typesafe.ai/legal/mca',
  },
  {
    provider: 'OpenRouter',
    hosts: /^openrouter\.ai$/,
    training: 'conditional',
    clause: 'Terms of Service of 2026-08-31, 5.1',
    says: 'the terms of each model hold, and you have to read them',
    readAt,
    url: 'https://openrouter.ai/terms',
  },
  {
    provider: 'Mistral',
    hosts: /^api\.mistral\.ai$/,
    training: 'conditional',
    clause: 'Commercial Terms of 2026-09-25, 2.2(d), 2.2(e) and 3.3',
    says: 'no reverse engineering by its answers, and no image models that compete; nothing else about training was found',
    readAt,
    url: 'https://legal.mistral.ai/terms/commercial-terms-of-service',
  },
  {
    provider: 'DeepSeek',
    hosts: /^api\.deepseek\.com$/,
    training: 'allowed',
    clause: 'Open Platform Terms of 2026-04-29, 4.2(3)',
    says: 'answers may be used to train other models, distillation included',
    readAt,
    url: 'https://cdn.deepseek.com/policies/en-US/deepseek-open-platform-terms-of-service.html',
  },
  {
    provider: 'xAI',
    hosts: /^api\.x\.ai$/,
    training: 'forbidden',
    clause: 'Terms of Service for enterprises, 3.2(i)',
    says: 'no training of AI systems on its answers, unless an order form permits it',
    readAt,
    url: 'https://x.ai/legal/terms-of-service-enterprise',
  },
  {
    provider: 'Z.ai',
    hosts: /^api\.z\.ai$/,
    training: 'forbidden',
    clause: 'Additional Terms for API Services of 2026-04-14, 1.xii',
    says: 'no training or labelling for models outside its platform with what its models generate',
    readAt,
    url: 'https://docs.z.ai/legal-agreement/terms-of-use',
  },
  {
    provider: 'Moonshot',
    hosts: /^api\.moonshot\.(ai|cn)$/,
    training: 'conditional',
    clause: 'Kimi Open Platform Terms of 2026-07-30, 3.4(5)',
    says: 'no models that may compete with its services without authorization',
    readAt,
    url: 'https://platform.kimi.ai/docs/agreement/modeluse',
  },
  {
    provider: 'Alibaba Cloud (Model Studio)',
    hosts: /^dashscope(-\w+)?\.aliyuncs\.com$/,
    training: 'conditional',
    clause: 'International Product Terms of 2026-09-23, 4.48(d)(v)',
    says: 'no products that compete with its own, unless it authorises them',
    readAt,
    url: 'https://www.alibabacloud.com/help/en/legal/latest/alibaba-cloud-international-website-product-terms-of-service-v-3-8-0',
  },
  ...(
    [
      ['Cohere', /^api\.cohere\.(com|ai)$/, 'read its agreement', 'https://cohere.com/saas-agreement'],
      ['MiniMax', /^api\.minimax\.io$/, 'no clause was found', 'https://platform.minimax.io/protocol/terms-of-service'],
      [
        'Perplexity',
        /^api\.perplexity\.ai$/,
        'read its agreement',
        'https://www.perplexity.ai/hub/legal/perplexity-api-terms-of-service',
      ],
      ['Fireworks', /^api\.fireworks\.ai$/, ofModel, 'https://fireworks.ai/terms-of-service'],
      ['Together', /^api\.together\.(xyz|ai)$/, ofModel, 'https://www.together.ai/terms-of-service'],
      ['Groq', /^api\.groq\.com$/, ofModel, 'https://console.groq.com/docs/legal'],
      [
        'Hugging Face',
        /(^router\.huggingface\.co|\.endpoints\.huggingface\.cloud)$/,
        ofModel,
        'https://huggingface.co/terms-of-service',
      ],
      [
        'Cloudflare',
        /^api\.cloudflare\.com$/,
        ofModel,
        'https://www.cloudflare.com/service-specific-terms-developer-platform/',
      ],
      [
        'Amazon Bedrock',
        /^bedrock-runtime(-fips)?(\.[\w-]+)?\.amazonaws\.com$/,
        ofModel,
        'https://aws.amazon.com/service-terms/',
      ],
      [
        'Amazon SageMaker',
        /^runtime\.sagemaker(-fips)?\.[\w-]+\.amazonaws\.com$/,
        ofDeployment,
        'https://aws.amazon.com/service-terms/',
      ],
      [
        'Microsoft Azure',
        /\.(openai|services\.ai|cognitiveservices)\.azure\.com$/,
        'read the product terms',
        'https://www.microsoft.com/licensing/terms/',
      ],
      [
        'Google Vertex AI',
        /(^|[.-])aiplatform\.googleapis\.com$/,
        ofDeployment,
        'https://cloud.google.com/terms/service-terms',
      ],
    ] as const
  ).map(([provider, hosts, says, url]) => ({provider, hosts, says, url, training: 'unknown', readAt}) as const),
];

import type {Access, Detail, Query, Teacher} from '../../teacher.ts';
import type {LedgerSnapshot} from '../ledger.ts';
import type {AnswerFindings} from './answers.ts';
import type {PackChoice, PackingFindings} from './packing.ts';
import type {Problem} from './problems.ts';
import type {Repetition} from './repetition.ts';
import type {RequestFindings} from './requests.ts';
import type {PromptFindings} from './shorter-prompts.ts';
import type {TokenFindings} from './tokens.ts';

export interface ProbeOptions {
  /** At least one. */
  readonly queries: readonly Query[];
  /** The least that the answers must hold for the recipe. */
  readonly needed: Detail;
  /** How many inputs the whole set has. */
  readonly inputs: number;
  /**
   * True to ask each query a second time, even if its answer is kept.
   *
   * @default true
   */
  readonly repeats?: boolean;
  /**
   * Asks with shorter prompts as well, where a teacher has some: the least share of labels that must be the same, for
   * example 0.98.
   *
   * @default its own prompt alone
   */
  readonly promptAgreement?: number | undefined;
  readonly signal?: AbortSignal;
  /** Called with the number of further queries that have an outcome. */
  readonly onSettled?: (count: number) => void;
}

/** The real properties of a teacher, by a handful of queries. */
export interface TeacherProbe {
  /** Its name. */
  readonly teacher: string;
  readonly access: Access;
  readonly isService: boolean;
  /** The number of classes; of a teacher with questions, of the question that has most. */
  readonly classes: number;
  /** The number of questions. Absent if it has none: then it answers one choice among its classes. */
  readonly questions?: number;
  /** The number of inputs that it was asked about. */
  readonly asked: number;
  readonly declared: Detail;
  /** Of questions that are answered in another detail; `answers` is about the rest. */
  readonly details?: Teacher['details'];
  readonly needed: Detail;
  readonly answers?: AnswerFindings;
  readonly repetition?: Repetition;
  /**
   * For a teacher with questions: what changes if a question is asked alone instead of with the others, on one question
   * of each input.
   */
  readonly isolation?: Repetition;
  /** For language models whose token scores are read. */
  readonly tokens?: TokenFindings;
  /** Absent if no reply is kept. */
  readonly requests?: RequestFindings;
  /** For a teacher that asks about several inputs in one request, if it was asked now. */
  readonly packing?: PackingFindings;
  /** For a teacher that leaves the size of its packs open (`pack: 'auto'`), if it was asked now. */
  readonly packChoice?: PackChoice;
  /** Of shorter prompts, if they were asked for now. */
  readonly prompts?: PromptFindings;
  /** The cost of the probe itself. For a composed teacher, the cost is in its parts. */
  readonly paid: Pick<LedgerSnapshot, 'calls' | 'bought' | 'cached' | 'inputTokens' | 'outputTokens' | 'usd'>;
  /** Errors first. */
  readonly problems: readonly Problem[];
  readonly parts?: readonly TeacherProbe[];
}

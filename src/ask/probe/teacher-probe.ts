import type {Access, Detail, Query} from '../../teacher.ts';
import type {LedgerSnapshot} from '../ledger.ts';
import type {AnswerFindings} from './answers.ts';
import type {Problem} from './problems.ts';
import type {Repetition} from './repetition.ts';
import type {RequestFindings} from './requests.ts';
import type {TokenFindings} from './tokens.ts';

export interface ProbeOptions {
  /** One at least. */
  readonly queries: readonly Query[];
  /** The least that the answers must hold for what is learned from them. */
  readonly needed: Detail;
  /** How many inputs the whole set has. */
  readonly inputs: number;
  /**
   * Whether each query is asked a second time, whatever is kept.
   *
   * @default true
   */
  readonly repeats?: boolean;
  readonly signal?: AbortSignal;
  /** Called with how many more queries have an outcome. */
  readonly onSettled?: (count: number) => void;
}

/** What a teacher gives in truth, as a handful of queries shows it. */
export interface TeacherProbe {
  /** Its name. */
  readonly teacher: string;
  readonly access: Access;
  readonly isService: boolean;
  readonly classes: number;
  /** Inputs that it was asked about. */
  readonly asked: number;
  readonly declared: Detail;
  readonly needed: Detail;
  readonly answers?: AnswerFindings;
  readonly repetition?: Repetition;
  /** Of language models whose tokens' scores are read. */
  readonly tokens?: TokenFindings;
  /** Absent where no reply is there to look at. */
  readonly requests?: RequestFindings;
  /** What the probe itself took. Of a teacher that is made of others it is in its parts. */
  readonly paid: Pick<LedgerSnapshot, 'calls' | 'bought' | 'cached' | 'inputTokens' | 'outputTokens' | 'usd'>;
  /** Errors first. */
  readonly problems: readonly Problem[];
  readonly parts?: readonly TeacherProbe[];
}

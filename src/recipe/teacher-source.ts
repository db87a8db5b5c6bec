import type {Access, Price, Teacher} from '../teacher.ts';

/** Makes a teacher. Opens nothing before it is asked. */
export type TeacherSource<A extends Access> = (context: TeacherContext) => Teacher<A> | Promise<Teacher<A>>;

export interface TeacherContext {
  /**
   * Publishes a saved model as a service on this machine that shows no more than `access` allows. The service starts
   * when its address is first needed and stops with the study.
   */
  publish(directory: string, options: PublishOptions): Promise<Publication>;
}

export interface PublishOptions {
  readonly access: 'gray-box' | 'black-box';
  /** Shows only the k most probable classes (gray-box). */
  readonly topK?: number;
}

/** The address and version of a published model, as an adapter needs them. */
export interface Publication {
  /** Stands for the address in the cache key: ports change, the model does not. */
  readonly service: string;
  readonly model: string;
  /** A hash of all of the model that can change an answer: weights, layers, preprocessing. */
  readonly version: string;
  readonly url: () => Promise<string>;
  /** Nothing: it runs on this machine. */
  readonly price: Price;
}

/** One shard, as the index lists it. */
export interface KnowledgeShard {
  /** Its name in the folder. */
  readonly file: string;
  /** The rows of the transfer set that it is about: from the first up to the last, without that one. */
  readonly rows: readonly [from: number, to: number];
  /** Inputs with an answer. */
  readonly count: number;
  /** Inputs without one. */
  readonly unanswered: number;
  /** Inputs that another run may still answer. */
  readonly unasked: number;
  readonly bytes: number;
  readonly sha256: string;
}

/** What a folder of knowledge in shards holds. */
export interface ShardedIndex {
  readonly format: 'limbeck.knowledge-shards/1';
  /** What decides the answers: data, draw, teacher and detail, as a digest. */
  readonly origin: string;
  /** Inputs of the transfer set. */
  readonly of: number;
  /** In the order of their rows. */
  readonly shards: readonly KnowledgeShard[];
}

/** A folder of knowledge in shards, on disk or in a bucket. */
export interface ShardFolder {
  /** Its path or URL. */
  readonly name: string;
  /** True if a shard is on disk before it is asked for. */
  readonly isLocal: boolean;
  /** The bytes of a small file; undefined if there is none. */
  read(file: string): Promise<Buffer | undefined>;
  /** Writes a file in one step: a process that ends at any moment leaves the old one or the new one. */
  write(file: string, pieces: readonly Uint8Array[]): Promise<void>;
  list(): Promise<readonly string[]>;
  remove(file: string): Promise<void>;
  /** Whether it holds a shard as the index lists it. */
  holds(shard: KnowledgeShard): Promise<boolean>;
  /**
   * The path of a shard on disk. A copy is made of one that is in a bucket.
   *
   * @throws KnowledgeError if what is in the bucket is not what the index lists, by its SHA-256
   */
  fetch(shard: KnowledgeShard): Promise<string>;
  /** Removes copies of other shards than these. */
  keepCopies(shards: readonly KnowledgeShard[]): Promise<void>;
}

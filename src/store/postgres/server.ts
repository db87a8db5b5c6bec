/** The used part of the package `pg`. */
export interface PostgresPackage {
  readonly Pool: new (options: object) => Pool;
}

interface Pool {
  query<Row>(
    query: Statement & {readonly values: readonly unknown[]; readonly query_timeout: number},
  ): Promise<Result<Row>>;
  connect(): Promise<Client>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  end(): Promise<void>;
}

interface Client {
  query<Row>(text: string): Promise<Result<Row>>;
  release(isBroken?: boolean): void;
}

interface Result<Row> {
  readonly rows: readonly Row[];
  /** How many rows were read or written. */
  readonly rowCount: number | null;
}

/** A statement that each connection prepares once, under its name. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/** The connections of this process to a server. */
const CONNECTIONS = 4;

/** Two processes wrote the same rows in different orders, and the server undid all that this one did. */
const DEADLOCK = '40P01';

/**
 * A PostgreSQL server. If a connection is lost, what is under way on it fails, and the next statement makes a new one.
 *
 * Plans never read a whole table, because one that was empty when its statement was prepared can have grown since.
 */
export class PostgresServer {
  readonly #pool: Pool;
  readonly #timeout: number;

  /** @param timeout - milliseconds after which a statement has failed */
  constructor({Pool}: PostgresPackage, url: string, timeout: number) {
    this.#timeout = timeout;
    this.#pool = new Pool({
      connectionString: url,
      fallback_application_name: 'limbeck',
      keepAlive: true,
      max: CONNECTIONS,
      connectionTimeoutMillis: timeout,
      onConnect: (client: Client) => client.query('SET enable_seqscan = off'),
    });
    // A connection that is lost while nobody uses it.
    this.#pool.on('error', () => {});
  }

  async run<Row>(statement: Statement, values: readonly unknown[]): Promise<Result<Row>> {
    try {
      return await this.#pool.query({...statement, values, query_timeout: this.#timeout});
    } catch (error) {
      if ((error as {readonly code?: string}).code !== DEADLOCK) throw error;
      return this.run(statement, values);
    }
  }

  /** Runs statements that are one transaction, however long they take. */
  async runAll(text: string): Promise<void> {
    const client = await this.#pool.connect();
    try {
      await client.query(text);
    } catch (error) {
      client.release(true);
      throw error;
    }
    client.release();
  }

  close(): Promise<void> {
    return this.#pool.end();
  }
}

import type { PGlite } from "@electric-sql/pglite";
import {
  CompiledQuery,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type DatabaseConnection,
  type DatabaseIntrospector,
  type Dialect,
  type DialectAdapter,
  type Driver,
  type Kysely,
  type QueryCompiler,
  type QueryResult,
} from "kysely";

/** PGlite is one connection in this process: whoever has it, transaction or single query, has it alone; the others wait in order. */
class PGliteDriver implements Driver {
  private tail: Promise<void> = Promise.resolve();
  private next: (() => void) | undefined;
  private readonly connection: PGliteConnection;

  constructor(
    private readonly engine: PGlite,
    private readonly release: () => Promise<void>,
  ) {
    this.connection = new PGliteConnection(engine);
  }

  async init(): Promise<void> {
    await this.engine.waitReady;
  }

  async acquireConnection(): Promise<DatabaseConnection> {
    const before = this.tail;
    let release: () => void = () => undefined;
    this.tail = new Promise((resolve) => {
      release = resolve;
    });
    await before;
    this.next = release;
    return this.connection;
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw("begin"));
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw("commit"));
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw("rollback"));
  }

  releaseConnection(): Promise<void> {
    this.next?.();
    return Promise.resolve();
  }

  async destroy(): Promise<void> {
    await this.tail;
    await this.engine.close();
    await this.release();
  }
}

class PGliteConnection implements DatabaseConnection {
  constructor(private readonly engine: PGlite) {}

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const result = await this.engine.query<R>(query.sql, [...query.parameters]);
    return { rows: result.rows, numAffectedRows: BigInt(result.affectedRows ?? 0) };
  }

  streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error("PGlite has no cursor over this connection; read in pages.");
  }
}

/** Kysely over PGlite; `release` is called once the engine is closed. */
export class PGliteDialect implements Dialect {
  constructor(
    private readonly engine: PGlite,
    private readonly release: () => Promise<void>,
  ) {}

  createAdapter(): DialectAdapter {
    return new PostgresAdapter();
  }

  createDriver(): Driver {
    return new PGliteDriver(this.engine, this.release);
  }

  createIntrospector(db: Kysely<unknown>): DatabaseIntrospector {
    return new PostgresIntrospector(db);
  }

  createQueryCompiler(): QueryCompiler {
    return new PostgresQueryCompiler();
  }
}

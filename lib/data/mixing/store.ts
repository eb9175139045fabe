import { rm } from 'node:fs/promises';
import { type DuckDBAppender, type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { makeFolder } from '../../files';
import { SUBSETS } from '../../paper/table-a1';
import type { MixtureShareRule } from '../mixture-plan';
import { poolOf } from '../mixture-plan';
import type { TrainExample } from '../rows';
import { mapSource } from '../sources/names';

/** Rows between two flushes of the appender: it holds them in memory, outside the database's limit. */
const ROWS_A_FLUSH = 20_000;

export interface StoreOptions {
  /** Of DuckDB. */
  readonly threads: number;
  /** Of DuckDB, in MiB; what needs more is done through the disk. */
  readonly memory: number;
}

/** Rows in a database on the disk, while they are mixed. */
export interface RowStore {
  readonly connection: DuckDBConnection;
  append(example: TrainExample): void;
  /** Ends the appending. */
  filled(): void;
  close(): Promise<void>;
}

/**
 * Opens an empty database in `folder`, which is deleted when the store is closed. Its one table holds the rows as they
 * came, with the pool each is drawn from; lists are JSON.
 */
export async function openStore(
  folder: string,
  shares: MixtureShareRule,
  { threads, memory }: StoreOptions,
): Promise<RowStore> {
  await rm(folder, { recursive: true, force: true });
  await makeFolder(folder);
  const instance = await DuckDBInstance.create(`${folder}/rows.duckdb`, {
    threads: String(threads),
    memory_limit: `${memory}MiB`,
    temp_directory: `${folder}/spilled`,
    // No result here depends on the order in which rows came.
    preserve_insertion_order: 'false',
  });
  const connection = await instance.connect();
  await connection.run(`
    CREATE TABLE given (
      pool VARCHAR, rank INTEGER, source VARCHAR, id VARCHAR, system VARCHAR, history VARCHAR, prompt VARCHAR,
      response VARCHAR, plain BOOLEAN, question VARCHAR, choices VARCHAR, answer INTEGER)`);
  const appender = await connection.createAppender('given');
  const rankOf = ranking(shares);
  const pools = new Map<string, { readonly pool: string; readonly rank: number }>();
  let appended = 0;
  return {
    connection,
    append: (example) => {
      let of = pools.get(example.source);
      if (!of) {
        of = { pool: poolOf(shares, example.source), rank: rankOf(example.source) };
        pools.set(example.source, of);
      }
      appender.appendVarchar(of.pool);
      appender.appendInteger(of.rank);
      appendRow(appender, example);
      appended++;
      if (appended % ROWS_A_FLUSH === 0) appender.flushSync();
    },
    filled: () => appender.closeSync(),
    close: async () => {
      connection.closeSync();
      instance.closeSync();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/**
 * Which of two equal rows is kept: by table A1, that of the subset named first, and a subset's own before one that stands
 * in for it; else they are equal, and their source's name decides.
 */
function ranking(shares: MixtureShareRule): (source: string) => number {
  if (shares !== 'paper') return () => 0;
  return (source) => {
    const { subset, standIn } = mapSource(source);
    return SUBSETS.findIndex(({ key }) => key === subset) + (standIn ? SUBSETS.length : 0);
  };
}

function appendRow(appender: DuckDBAppender, example: TrainExample): void {
  const { source, id, system, history, prompt, response, plain, question, choices, answer } = example;
  const text = (value: string | undefined) =>
    value === undefined ? appender.appendNull() : appender.appendVarchar(value);
  const list = (value: readonly unknown[] | undefined) => text(value && JSON.stringify(value));
  text(source);
  text(id);
  text(system);
  list(history?.map((exchange) => [exchange.prompt, exchange.response]));
  text(prompt);
  text(response);
  appender.appendBoolean(plain ?? false);
  text(question);
  list(choices);
  if (answer === undefined) appender.appendNull();
  else appender.appendInteger(answer);
  appender.endRow();
}

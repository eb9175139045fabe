import type { DuckDBConnection } from '@duckdb/node-api';
import { makeAside } from '../../files';
import { SUBSETS } from '../../paper/table-a1';
import { type MixturePlan, type MixtureShareRule, planMixture } from '../mixture-plan';

/** Rows of a group of Parquet: what a reader holds at once. Compressed with Snappy: zstd is half as long and read half as fast. */
const ROWS_A_GROUP = 16_384;

export interface Wanted {
  readonly shares: MixtureShareRule;
  readonly total?: number;
  readonly fewer?: boolean;
  readonly seed: number;
}

export interface Drawn {
  readonly plan: MixturePlan;
  /** Rows left out because another has the same texts, by source. */
  readonly duplicates: ReadonlyMap<string, number>;
  /** Rows written, by source. */
  readonly written: ReadonlyMap<string, number>;
  /** Of the rows' texts in their order: equal for equal mixtures, whatever wrote the file. */
  readonly contentMd5: string;
}

/**
 * Draws rows of the store by `planMixture`'s rule and writes them to a Parquet file.
 *
 * Which rows of a pool are drawn, and in which order all are written, follows from a hash of the seed and each row's
 * texts. So neither the order of files and rows nor the number of threads plays a part, and a row that is added or taken
 * away leaves the others where they were. MD5 is used for its even spread, not for secrecy; DuckDB's own `hash` may
 * change from version to version.
 *
 * @param wanted `total`: rows to draw, of fewer all where `fewer` says so; without it all that table A1 has and that are
 *   there, or all rows, or as many as the shares allow
 * @throws where `planMixture` does
 */
export async function drawRows(
  connection: DuckDBConnection,
  { shares, total, fewer = false, seed }: Wanted,
  file: string,
): Promise<Drawn> {
  await connection.run(`
    CREATE TABLE keyed AS
    SELECT rowid AS n, pool, rank, source, id,
           md5(json_array(system, history, prompt, response, plain)::VARCHAR) AS key,
           md5(json_array(question, choices, answer)::VARCHAR) AS rest
    FROM given`);
  await connection.run(`
    CREATE TABLE kept AS
    SELECT n, pool, source, key FROM keyed
    QUALIFY row_number() OVER (PARTITION BY key ORDER BY rank, source, id, rest, n) = 1`);
  const [given, kept] = [await countBy(connection, 'keyed', 'source'), await countBy(connection, 'kept', 'source')];
  const duplicates = [...given].map(([source, rows]) => [source, rows - (kept.get(source) ?? 0)] as const);
  const available = await countBy(connection, 'kept', 'pool');
  const plan = planMixture(
    shares,
    available,
    fewer && total !== undefined
      ? Math.min(total, rowsOf(shares, available))
      : (total ?? wholeMixture(shares, available)),
  );
  await connection.run('CREATE TABLE wanted (pool VARCHAR, count INTEGER)');
  for (const { key, count } of plan.pools) {
    await connection.run('INSERT INTO wanted VALUES ($key, $count)', { key, count });
  }
  await connection.run(`
    CREATE TABLE drawn AS
    SELECT n, key, source, md5('order ${seed} ' || key) AS place
    FROM kept JOIN wanted USING (pool)
    QUALIFY row_number() OVER (PARTITION BY pool ORDER BY md5('draw ${seed} ' || key)) <= count`);
  const written = await countBy(connection, 'drawn', 'source');
  const [[contentMd5 = ''] = []] = await rows<[string]>(
    connection,
    `SELECT md5(string_agg(key, '' ORDER BY place)) FROM drawn`,
  );
  const copyTo = (aside: string) => `
    COPY (
      SELECT id, given.source, system, history::JSON::VARCHAR[][] AS history,
             CASE WHEN plain THEN NULL ELSE prompt END AS prompt, CASE WHEN plain THEN NULL ELSE response END AS response,
             CASE WHEN plain THEN response END AS text, question, choices::JSON::VARCHAR[] AS choices, answer
      FROM drawn JOIN given ON given.rowid = drawn.n
      ORDER BY place
    ) TO '${aside.replaceAll("'", "''")}' (FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE ${ROWS_A_GROUP})`;
  await makeAside(file, async (aside) => void (await connection.run(copyTo(aside))));
  return { plan, duplicates: new Map(duplicates), written, contentMd5 };
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

/** Rows of all pools that shares are wanted of. */
const rowsOf = (shares: MixtureShareRule, available: ReadonlyMap<string, number>): number =>
  sum(
    [...available]
      .filter(([pool]) => typeof shares === 'string' || Object.hasOwn(shares, pool))
      .map(([, count]) => count),
  );

/** Table A1's own counts as far as rows reach, all rows, or the most at which no share is short. */
function wholeMixture(shares: MixtureShareRule, available: ReadonlyMap<string, number>): number {
  if (shares === 'all') return rowsOf(shares, available);
  if (shares === 'paper') return sum(SUBSETS.map(({ key, samples }) => Math.min(samples, available.get(key) ?? 0)));
  const present = Object.keys(shares).filter((key) => available.has(key)).length;
  return planMixture(shares, available, present).totalWithoutShortfall;
}

async function countBy(
  connection: DuckDBConnection,
  table: string,
  column: string,
): Promise<ReadonlyMap<string, number>> {
  const sql = `SELECT ${column}, count(*) FROM ${table} GROUP BY ${column} ORDER BY ${column}`;
  return new Map((await rows<[string, bigint]>(connection, sql)).map(([name, count]) => [name, Number(count)]));
}

async function rows<Row>(connection: DuckDBConnection, sql: string): Promise<Row[]> {
  return (await (await connection.runAndReadAll(sql)).getRows()) as Row[];
}

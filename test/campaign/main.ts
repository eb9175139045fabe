import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { VERDICTS } from './judge';
import { runKills } from './kills';
import { runCases } from './run-cases';
import { ROOT } from './target';

/*
 * `npm run campaign`: changed inputs and killed commands, and a table of what became of them in results/campaign/.
 *
 *     npm run campaign -- --cases 460 --kills 200 --seed 1 --only checkpoint --kill-only score
 */
const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '460' },
    kills: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    'kill-only': { type: 'string', default: '' },
    out: { type: 'string', default: join(ROOT, 'results', 'campaign', 'table.md') },
    workers: { type: 'string', default: '2' },
  },
});

async function main(): Promise<void> {
  const began = Date.now();
  const [perTarget, kills, seed, workers] = [values.cases, values.kills, values.seed, values.workers].map(Number) as [
    number,
    number,
    number,
    number,
  ];
  const { counts, findings } = await runCases({ perTarget, seed, workers, only: values.only }, console.log);
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
  const total = VERDICTS.map((verdict) => Object.values(counts).reduce((sum, one) => sum + (one[verdict] ?? 0), 0));
  const table = [
    line(['input', ...VERDICTS]),
    line(['---', ...VERDICTS.map(() => '---:')]),
    ...Object.entries(counts).map(([name, one]) => line([name, ...VERDICTS.map((verdict) => one[verdict] ?? 0)])),
    line(['all', ...total]),
  ];
  const killed = await runKills({ kills, seed, only: values['kill-only'] }, console.log);
  const killTable = [
    line(['command', 'threads', 'kills', 'results that differ', 'stray files']),
    line(['---', '---:', '---:', '---:', '---:']),
    ...killed.map((one) => line([one.command, one.threads, one.kills, one.differ, one.stray.length])),
  ];
  const list = findings.map(
    ({ name, seed: own, verdict, what, detail }) =>
      `- ${verdict}: ${name}, \`--only "${name}" --seed ${own} --cases 1\`: ${what.slice(0, 120)}: ${detail}`,
  );
  const minutes = Math.round((Date.now() - began) / 60_000);
  const faults = killed.flatMap(({ command, threads, stray, differing }) =>
    [...stray.map((file) => `stray: ${file}`), ...differing.map((file) => `differs: ${file}`)].map(
      (fault) => `- ${command}, ${threads} threads, ${fault}`,
    ),
  );
  const page = [`Seed ${seed}, ${minutes} minutes.`, '', ...table, '', ...killTable, '', ...list, ...faults, ''].join(
    '\n',
  );
  mkdirSync(dirname(values.out), { recursive: true });
  writeFileSync(values.out, page);
  console.log(page);
  process.exitCode =
    findings.length === 0 && killed.every(({ differ, stray }) => differ === 0 && stray.length === 0) ? 0 : 1;
}

void main();

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';

/**
 * Notebook cells are compiled by TypeScript 5.0.4, non-strict, CommonJS, Node10 resolution, declarations on. It must
 * read dist/'s declarations, and be able to name the type of whatever a cell keeps in a variable.
 */
const ROOT = resolve(__dirname, '..', '..');
const TSC = join(ROOT, 'node_modules', '@tslab', 'typescript-for-tslab', 'bin', 'tsc');
const DOOR = join(ROOT, 'dist', 'index');

const CELL_OPTIONS = [
  ['--target', 'es2022'],
  ['--lib', 'es2022'],
  ['--module', 'commonjs'],
  ['--moduleResolution', 'node10'],
  ['--esModuleInterop'],
  ['--declaration'],
  ['--typeRoots', join(ROOT, 'node_modules', '@types')],
  ['--types', 'node'],
].flat();

/** Complaints about the cell and about dist/; a dependency's declarations (of browser types, say) are not ours. */
function complaintsOf(cell: string): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'cell-'));
  try {
    mkdirSync(join(folder, 'out'));
    const file = join(folder, 'cell.ts');
    writeFileSync(file, cell);
    execFileSync(process.execPath, [TSC, ...CELL_OPTIONS, '--outDir', join(folder, 'out'), file], { cwd: ROOT });
    return [];
  } catch (error) {
    const { stdout } = error as { stdout?: Buffer };
    if (!stdout) throw error;
    const lines = stdout.toString().split('\n');
    return lines.filter((line) => /error TS/.test(line) && !/^(\.\.\/)*node_modules\//.test(line));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('what TypeScript 5.0.4 makes of dist/', () => {
  beforeAll(() => {
    expect(execFileSync(process.execPath, [TSC, '--version']).toString()).toContain('5.0.4');
  });

  test('a cell that goes the whole line compiles', () => {
    const cell = `
      import * as med42 from ${JSON.stringify(DOOR)};

      export const random: med42.Random = med42.createRandom(42, 'cell');
      export async function main() {
        const device = await med42.openDevice('cpu', 2);
        const step: med42.Step = ({ inputs }) => ({ outputs: { y: inputs.x.mul(med42.tf.scalar(2)) } });
        const program = await med42.compile(
          step,
          { name: 'twice', inputs: { x: { shape: [2], dtype: 'float32' } }, state: {} },
          device,
        );
        const { y } = await program.run({ x: med42.float32([2]) }, await med42.createState(device, {}));

        const dataset = await med42.loadDataset('data/miniature');
        const { examples, report } = med42.mixByPaper(dataset.training.examples, 100, random);
        const tokenizer = await med42.loadTokenizer('data/miniature/base');
        const { samples } = await med42.tokenizeExamples(examples, tokenizer);
        const packed = med42.packSamples(samples, { packing: 'concatenated', maxSeqLen: 256 });

        const base = await med42.openModelFolder('data/miniature/base');
        const config: med42.TrainConfig = { ...med42.PAPER_LORA, epochs: 1 };
        const model = med42.tunedModel(base, 'lora', config.lora);
        const rate: number = med42.learningRateAt(0, 10, config);
        const trained = await med42.train({
          model, config, device, chunks: packed.chunks, heldOut: [], separate: false, folder: 'results/cell',
          identity: { config, model: 'base', chunks: packed.report.sha256 }, checkpointEvery: 100,
        });
        const scorer = med42.createTokenScorer(model, trained.state, device);
        const result = await med42.scoreItems(dataset.evaluation.items, scorer, tokenizer, { limitPerTask: 8 });
        const acc: number = result.tasks[0].acc.value;
        const record: med42.RunRecord = JSON.parse('{}');
        const { tables, findings } = await med42.writeReport(record, { decontamination: [] }, 'results/cell');
        const rows = [med42.tableToMarkdown(tables[0]), ...findings.answer];
        const svg: string = await med42.drawSvg(med42.accuracyFigure(record));
        const letters: string[] = med42.TABLE_1.map((row) => row.key);
        return { y, report, rate, acc, rows, svg, letters };
      }
      export const presets = med42.PRESETS;
      export const again = main;
      export const options = med42.parseOptions(['--preset', 'smoke'], '.', '.');
      export const run = () => med42.reproduce(options, new AbortController().signal, { say: console.log });
    `;
    expect(complaintsOf(cell)).toEqual([]);
  });

  test('every value of the door can be kept in a variable', () => {
    const names = Object.keys(require(DOOR) as object).filter((name) => name !== 'default');
    expect(names.length).toBeGreaterThan(50);
    const cell = `import * as med42 from ${JSON.stringify(DOOR)};\n${names.map((n) => `export const ${n} = med42.${n};`).join('\n')}`;
    expect(complaintsOf(cell)).toEqual([]);
  });

  test('a wrong call is refused: the compiler does read our types', () => {
    const cell = `import { openDevice } from ${JSON.stringify(DOOR)};\nexport const device = openDevice('gpu');`;
    expect(complaintsOf(cell).map((line) => line.replace(/^.*error /, ''))).toEqual([
      expect.stringContaining('TS2345'),
    ]);
  });
});

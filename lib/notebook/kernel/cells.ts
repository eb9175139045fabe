import { realpathSync } from 'node:fs';
import { format } from 'node:util';
import { compileFailure, thrownFailure } from './failure';
import { beginCell, interruptListeners } from './interrupt';
import { mendConverter } from './mend-source';
import { type CellFailure, type CellOutputs, currentOutputs, directOutputs, resultOf } from './output';
import {
  type Converter,
  compiler,
  createConverter,
  createExecutor,
  directTslabDisplays,
  type Executor,
  keepVariablesPlain,
  showPackageToCompiler,
  statementsOf,
  watchNothing,
} from './tslab';

/** What cells import the library by. */
const PACKAGE_NAME = 'med42-workbook';

/** Cells run one after the other, each seeing what those before it declared. */
export interface Cells {
  /** Undefined when the cell succeeded. Cells are run one at a time: wait for the one before. */
  run(source: string, outputs: CellOutputs): Promise<CellFailure | undefined>;
  /** Asks the cell to stop at a good place, when it knows one; the second time, and otherwise, drops it at once. */
  interrupt(): void;
  readonly executor: Executor;
  close(): void;
}

/**
 * tslab's compiler and executor, with its faults mended. Changes the process: it moves to `root`.
 *
 * @param root the workbook's folder, where cells run
 */
export function createCells(root: string): Cells {
  const folder = realpathSync(root);
  process.chdir(folder);
  showPackageToCompiler(folder, PACKAGE_NAME);
  watchNothing();
  directTslabDisplays((content, update) => currentOutputs()?.display(content, update === true));
  const converter = mendConverter(createConverter());
  let failure: CellFailure | undefined;
  let outputs: CellOutputs | undefined;
  let source = '';
  const watched: Converter = {
    ...converter,
    convert: (declarations, text) => {
      const result = converter.convert(declarations, text);
      if (result.diagnostics.length > 0) failure = compileFailure(result.diagnostics, source);
      return result;
    },
  };
  const executor = createExecutor(
    folder,
    { node: watched, browser: watched, close: () => converter.close() },
    {
      log: (value: unknown) => outputs?.result(resultOf(value)),
      // tslab reports a thrown value alone, and the compiler's complaints with a format before them.
      error: (...said: unknown[]) => {
        if (said.length === 1) failure = thrownFailure(said[0], folder);
        else if (!failure) outputs?.stream('stderr', `${format(...said)}\n`);
      },
    },
  );
  keepVariablesPlain(executor);
  const stray = (thrown: unknown) => {
    failure ??= thrownFailure(thrown, folder);
    outputs?.stream('stderr', `${thrownFailure(thrown, folder).traceback.join('\n')}\n`);
  };
  process.on('unhandledRejection', stray);
  process.on('uncaughtException', stray);

  return {
    executor,
    run: async (text, to) => {
      beginCell();
      directOutputs(to);
      [source, outputs, failure] = [text, to, undefined];
      const succeeded = await executor.execute(text).catch((error: unknown) => {
        failure = thrownFailure(error, folder);
        return false;
      });
      // A promise that nobody awaits is known to have failed a turn later.
      await new Promise((resolve) => setImmediate(resolve));
      const outcome = failure as CellFailure | undefined;
      if (!succeeded && outcome?.ename !== 'CompileError') await keepImports(executor, text);
      return outcome;
    },
    interrupt: () => {
      if (interruptListeners()) {
        outputs?.stream('stderr', 'stopping at the next step; interrupt once more to stop at once\n');
      } else executor.interrupt();
    },
    close: () => {
      process.off('unhandledRejection', stray);
      process.off('uncaughtException', stray);
      executor.close();
    },
  };
}

/** tslab forgets all that a cell declared which threw; its imports, at least, the reader counts on afterwards. */
async function keepImports(executor: Executor, source: string): Promise<void> {
  const { statements, offset } = statementsOf(source);
  const imports = statements
    .filter(({ kind }) => kind === compiler.SyntaxKind.ImportDeclaration)
    .map(({ pos, end }) => source.slice(pos - offset, end - offset));
  if (imports.length > 0) await executor.execute(imports.join('\n'));
}

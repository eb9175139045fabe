// Makes the check one file, dist/gpu-check/gpu-check.mjs, from its sources; koffi's binary lies beside it.
import { cpSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const out = join(root, 'dist', 'gpu-check');
const plugins = join(root, 'lib', 'engine', 'xla', 'plugins');
const requirements = Object.fromEntries(
  readdirSync(join(plugins, 'requirements')).map((file) => [
    file.replace('.txt', ''),
    readFileSync(join(plugins, 'requirements', file), 'utf8'),
  ]),
);

/** Modules that read files beside them. */
const inOneFile = {
  name: 'in-one-file',
  load(id) {
    // A bundler reads tfjs' modules as they are.
    if (id === join(root, 'lib', 'engine', 'tf.ts')) {
      return `
        import '@tensorflow/tfjs-backend-cpu';
        import '@tensorflow/tfjs-core/dist/register_all_gradients';
        import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops';
        export * from '@tensorflow/tfjs-core';`;
    }
    if (id !== join(plugins, 'catalogue.ts')) return;
    const read = "readFileSync(requirementsFile(name), 'utf8')";
    const code = readFileSync(id, 'utf8');
    if (!code.includes(read)) throw new Error(`gpu-check: ${id} no longer has ${read}`);
    return code.replace(read, () => `(${JSON.stringify(requirements)})[name]`);
  },
};

const bundle = await rolldown({
  input: join(root, 'bench', 'gpu', 'main.ts'),
  platform: 'node',
  external: ['node-fetch'],
  moduleTypes: { '.py': 'text' },
  resolve: { mainFields: ['module', 'main'] },
  plugins: [inOneFile],
  logLevel: 'warn',
});
rmSync(out, { recursive: true, force: true });
await bundle.write({
  file: join(out, 'gpu-check.mjs'),
  format: 'esm',
  codeSplitting: false,
  minify: true,
  banner: [
    "import { createRequire as $createRequire } from 'node:module';",
    'const require = $createRequire(import.meta.url);',
    'const __dirname = import.meta.dirname;',
    // Where koffi looks for its binary.
    'process.resourcesPath ??= __dirname;',
  ].join('\n'),
});
await bundle.close();
const koffi = createRequire(import.meta.url).resolve('koffi');
const binary = `${process.platform}-${process.arch}`;
cpSync(join(dirname(koffi), '..', '@koromix', `koffi-${binary}`), join(out, 'koffi'), { recursive: true });

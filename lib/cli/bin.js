#!/usr/bin/env node
// `npx med42`: builds dist/ on first use and after a change of lib/, then starts the command. Install scripts are
// forbidden in .npmrc, so nothing is built by `npm ci`.

const { execFileSync } = require('node:child_process');
const { existsSync, readdirSync, statSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');

const root = join(__dirname, '..', '..');
const stamp = join(root, 'dist', '.built');

function newest() {
  const files = readdirSync(join(root, 'lib'), { recursive: true, withFileTypes: true });
  const times = files
    .filter((one) => one.isFile() && one.name.endsWith('.ts'))
    .map((one) => statSync(join(one.parentPath ?? one.path, one.name)).mtimeMs);
  return Math.max(...times);
}

if (!existsSync(stamp) || statSync(stamp).mtimeMs < newest()) {
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  if (!existsSync(compiler)) {
    console.error(`med42: ${compiler} is not there; run \`npm ci\` in ${root}`);
    process.exit(1);
  }
  console.error('Building the workbook, once.');
  try {
    execFileSync(process.execPath, [compiler, '-p', root], { stdio: 'inherit' });
  } catch {
    console.error('med42: the build failed; the compiler said why');
    process.exit(1);
  }
  writeFileSync(stamp, '');
}
require(join(root, 'dist', 'cli', 'med42.js'))
  .run(process.argv.slice(2))
  .catch((error) => {
    console.error(error);
    process.exitCode = 1;
  });

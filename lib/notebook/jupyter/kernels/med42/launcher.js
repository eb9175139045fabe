// Started by Jupyter: node launcher.js CONNECTION_FILE [WORKBOOK]. Written for any Node, so that an old one gets words.

var fs = require('node:fs');
var path = require('node:path');

var connectionFile = process.argv[2];
var root = process.argv[3] || path.resolve(__dirname, '..', '..', '..', '..', '..');

function refuse(message) {
  process.stderr.write(`\nTypeScript (Med42): ${message}\n\n`);
  process.exit(1);
}

function readPackage() {
  try {
    return JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
  } catch (_error) {
    return {};
  }
}

var wanted = [20, 9];
var version = process.versions.node.split('.').map(Number);
if (version[0] < wanted[0] || (version[0] === wanted[0] && version[1] < wanted[1])) {
  refuse(`needs Node ${wanted.join('.')} or newer; ${process.execPath} is ${process.version}.`);
}
if (readPackage().name !== 'med42-workbook') {
  refuse(
    'the workbook is not in ' +
      root +
      '. If it was moved, run `npx med42 kernel install` in its folder; ' +
      'if it is gone, remove the kernel: ' +
      __dirname,
  );
}
if (!fs.existsSync(path.join(root, 'node_modules', 'tslab'))) {
  refuse(`packages are missing: run \`npm ci && npm run build\` in ${root}.`);
}
if (!fs.existsSync(path.join(root, 'dist', 'notebook', 'kernel', 'kernel.js'))) {
  refuse(`the library is not built: run \`npm run build\` in ${root}.`);
}
if (!connectionFile) {
  refuse('is started by Jupyter: `npm run lab` opens the notebooks, `npm run notebooks` runs them without Jupyter.');
}
require(path.join(root, 'dist', 'notebook', 'kernel', 'kernel.js'))
  .startKernel(connectionFile, root, process.cwd())
  .catch((error) => {
    refuse(`could not start: ${error instanceof Error ? error.stack : error}`);
  });

import type { InstalledPackage } from './packages';

/** What beside the workbook is in a bundle. */
export interface Packed {
  /** The one folder that it unpacks to. */
  readonly folder: string;
  readonly version: string;
  /** Such as "linux x64, glibc 2.36". */
  readonly machine: string;
  readonly model?: string;
  readonly data?: string;
  readonly plugin?: {
    readonly device: string;
    /** Of its library, below the bundle's folder. */
    readonly file: string;
    readonly packages: readonly { readonly name: string; readonly version: string; readonly licence: string }[];
  };
}

/** `med42`: starts the workbook with the Node beside it, from whatever folder, through a link too. */
export const launcher = ({ plugin }: Packed): string => `#!/bin/sh
self=$0
while [ -h "$self" ]; do
  link=$(readlink "$self")
  case $link in
    /*) self=$link ;;
    *) self=$(dirname "$self")/$link ;;
  esac
done
here=$(cd "$(dirname "$self")" && pwd -P) || exit 1
PATH=$here/node/bin:$PATH
export PATH
${plugin ? `: "\${MED42_XLA_PLUGIN:=$here/${plugin.file}}"\nexport MED42_XLA_PLUGIN\n` : ''}exec "$here/node/bin/node" "$here/workbook/lib/cli/bin.js" "$@"
`;

export const bundleReadme = ({
  folder,
  version,
  machine,
  model,
  data,
  plugin,
}: Packed): string => `# Med42 workbook ${version}, whole

**Research only. Not for clinical decisions.**

This folder runs without a network, without Node and without an installation. It was made on ${machine}, for machines of
the same system and processor, with a C library at least as new.

    sha256sum -c ${folder}.tar.xz.sha256
    tar -xJf ${folder}.tar.xz
    cd ${folder}
    ./med42 reproduce --preset smoke

The last line runs every stage in a minute and leaves workbook/results/smoke/report.html. \`./med42 --help\` lists the commands;
where a message says \`npx med42\`, type \`./med42\`. The folder must be writable for results that are not given another
place with \`--out\`.

| folder | what |
|---|---|
| med42 | starts the workbook |
| node/ | Node |
| workbook/ | the workbook, built, with its packages, notebooks (\`./med42 notebooks\` runs them), README.md and the miniature |
${model === undefined ? '' : `| models/${model}/ | the model: \`./med42 score --model models/${model}\` |\n`}${
  data === undefined
    ? ''
    : `| rows/${data}/ | rows: \`./med42 train --data rows/${data}${model === undefined ? '' : ` --model models/${model}`}\` |\n`
}${plugin === undefined ? '' : `| xla/ | XLA's plug-in: \`--device ${plugin.device}\` |\n`}| LICENCES.md | whose work all this is, and under which licences |
`;

/**
 * Whose work is packed. The texts lie beside what they are of; a package that came without its licence's text is named.
 *
 * @param texts licence files of each package, below the bundle's folder
 */
export function licencesText(
  { model, data, plugin }: Packed,
  packages: readonly InstalledPackage[],
  texts: ReadonlyMap<InstalledPackage, readonly string[]>,
): string {
  const row = (one: InstalledPackage) =>
    `| ${one.name} ${one.version} | ${one.licence} | ${texts.get(one)?.join(', ') || 'none came with the package'} |`;
  return `# Licences

| what | licence | text |
|---|---|---|
| the Med42 workbook and its miniature | Apache-2.0 | workbook/LICENSE |
| Node ${process.versions.node} and what it is made of | MIT and others | node/LICENSE |
${(plugin?.packages ?? []).map(({ name, version, licence }) => `| ${name} ${version} | ${licence} | below xla/ |\n`).join('')}${packages.map(row).join('\n')}

${plugin && plugin.device !== 'xla:cpu' ? 'The plug-in may hold libraries of its maker that are not open source: read their terms before you pass it on.\n' : ''}${
  model === undefined && data === undefined
    ? ''
    : `${[model && `models/${model}`, data && `rows/${data}`].filter(Boolean).join(' and ')} ${model && data ? 'have licences of their own' : 'has a licence of its own'}: whoever packed this must know whether they may be passed on.\n`
}`;
}

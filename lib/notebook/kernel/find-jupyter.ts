import { existsSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';

/** The workbook's own kernelspec lies below, as JUPYTER_PATH wants it. */
export const jupyterFolder = (root: string): string => join(root, 'lib', 'notebook', 'jupyter');

/** The path of a program, or undefined when it is not on PATH. */
export function onPath(program: string, path: string = process.env.PATH ?? ''): string | undefined {
  const names = process.platform === 'win32' ? [`${program}.exe`, `${program}.cmd`] : [program];
  return path
    .split(delimiter)
    .filter((folder) => folder !== '')
    .flatMap((folder) => names.map((name) => resolve(folder, name)))
    .find((file) => existsSync(file));
}

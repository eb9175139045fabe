import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { HelpShown, newCommand } from '../run/arguments';
import { checkSettings } from '../run/settings/read';
import { callersFolder } from './interrupt';
import { main as reproduce } from './reproduce';
import { main as train } from './train';

/** `med42 run FILE [options]`: what the file's `command` says, with the file as its settings. */
export async function main(args: readonly string[]): Promise<void> {
  const [file, ...rest] = args;
  if (file === undefined || file.startsWith('-')) {
    const help = newCommand('run', 'Repeats a run, or carries it on, from the settings.json of its folder.')
      .argument('<file>', 'a settings file')
      .usage('FILE [options of reproduce or train]');
    if (file === '--help' || file === '-h') {
      help.outputHelp();
      throw new HelpShown();
    }
    throw new Error(
      'run: the first argument must be a settings file, as results/NAME/settings.json; --help lists more',
    );
  }
  const path = resolve(callersFolder(), file);
  const text = (() => {
    try {
      return readFileSync(path, 'utf8');
    } catch (error) {
      throw new Error(`run: cannot read ${file} (${(error as NodeJS.ErrnoException).code}); give a settings file`);
    }
  })();
  const command = (() => {
    try {
      return checkSettings(JSON.parse(text), file).command;
    } catch (error) {
      if (error instanceof SyntaxError) throw new Error(`run: ${file} is not valid JSON (${error.message})`);
      throw error;
    }
  })();
  await (command === 'train' ? train : reproduce)(['--settings', file, ...rest]);
}

import { resolve } from 'node:path';
import { withHome } from '../files';
import { HelpShown, newCommand } from '../run/arguments';
import { readSettings } from '../run/settings/read';
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
  const command = readSettings(resolve(callersFolder(), withHome(file))).layers.at(-1)?.settings.command;
  await (command === 'train' ? train : reproduce)(['--settings', file, ...rest]);
}

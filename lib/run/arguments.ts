import { Command, CommanderError } from 'commander';

/** A command's name and options, to be completed with `.option(...)`; `--help` is there already. */
export function newCommand(name: string, summary: string): Command {
  return new Command(`med42 ${name}`)
    .description(summary)
    .helpOption('-h, --help', 'prints this and ends')
    .addHelpText('after', '\nResearch only, not for clinical decisions.');
}

/** Help was asked for and printed: there is nothing left to do. */
export class HelpShown extends Error {}

/**
 * Reads a command line.
 *
 * @returns the options by their names in camelCase, a flag that was not given as false; and what stands beside them
 * @throws HelpShown after `--help`; else naming the option that is wrong, and the nearest one where it is unknown
 */
export function readArguments<Options>(
  command: Command,
  args: readonly string[],
): { readonly options: Options; readonly words: readonly string[] } {
  refuseSwallowed(command, args);
  try {
    command
      .exitOverride()
      .configureOutput({ writeErr: () => {} })
      .parse([...args], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) throw new HelpShown();
    const what = error.message.replace(/^error: /, '').replace(/\s*\(Did you mean (.*)\?\)$/s, ', did you mean $1');
    throw new Error(`${commandName(command)}: ${what.replace(/\.$/, '')}; --help lists the options`);
  }
  for (const option of command.options) {
    const name = option.attributeName();
    if (option.isBoolean() && command.getOptionValue(name) === undefined) command.setOptionValue(name, false);
  }
  return { options: command.opts() as Options, words: command.args };
}

const commandName = (command: Command): string => command.name().replace(/^med42 /, '');

/** `--seed --out x` is a forgotten value; commander would take `--out` for it. */
function refuseSwallowed(command: Command, args: readonly string[]): void {
  const named = (arg: string | undefined) =>
    arg === undefined ? undefined : command.options.find(({ long, short }) => arg === long || arg === short);
  const swallowing = args.findIndex((arg, i) => named(arg)?.required && named(args[i + 1]));
  if (swallowing < 0) return;
  const { flags } = named(args[swallowing])!;
  throw new Error(`${commandName(command)}: option '${flags}' argument missing; --help lists the options`);
}

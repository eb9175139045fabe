import { Command, CommanderError } from 'commander';
import { withHome } from '../files';

/** A command's name and options, to be completed with `.option(...)`; `--help` is there already. */
export function newCommand(name: string, summary: string): Command {
  return new Command(`med42 ${name}`)
    .description(summary)
    .helpOption('-h, --help', 'prints this and ends')
    .addHelpText('afterAll', '\nResearch only, not for clinical decisions.');
}

/** Help was asked for and printed: there is nothing left to do. */
export class HelpShown extends Error {}

/**
 * Reads a command line.
 *
 * @returns the options by their names in camelCase, `~/` in a path as the home folder, a flag that was not given as false; and what stands beside them
 * @throws HelpShown after `--help`; else naming the option that is wrong, and the nearest one where it is unknown
 */
export function readArguments<Options>(
  command: Command,
  args: readonly string[],
): { readonly options: Options; readonly words: readonly string[] } {
  refuseSwallowed(command, args);
  refuseTwice(command, args);
  try {
    command
      .exitOverride()
      .configureOutput({ writeErr: () => {} })
      .parse([...args], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) throw new HelpShown();
    const what = error.message.replace(/^error: /, '').replace(/\s*\(Did you mean (.*)\?\)$/s, ', did you mean $1');
    const ours = elsewhere(command, error.message);
    const said = ours === undefined ? what : `${what.replace(/, did you mean .*$/, '')}, did you mean ${ours}`;
    throw new Error(`${commandName(command)}: ${said.replace(/\.$/, '')}; --help lists the options`);
  }
  for (const option of command.options) {
    const name = option.attributeName();
    if (/<(?:file|folder)>/.test(option.flags)) {
      const given = command.getOptionValue(name) as string | readonly string[] | undefined;
      if ([given].flat().includes('')) {
        throw new Error(
          `${commandName(command)}: option '${option.flags}' must name a path, got ""; --help lists the options`,
        );
      }
      if (typeof given === 'string') command.setOptionValue(name, withHome(given));
      else if (Array.isArray(given)) command.setOptionValue(name, given.map(withHome));
    }
    if (option.isBoolean() && command.getOptionValue(name) === undefined) command.setOptionValue(name, false);
  }
  return { options: command.opts() as Options, words: command.args.map(withHome) };
}

/** What peft, transformers, trl and torchtune call an option. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  lr: '--learning-rate',
  'num-train-epochs': '--epochs',
  'num-epochs': '--epochs',
  'max-iters': '--max-steps',
  'per-device-train-batch-size': '--batch-size',
  'micro-batch-size': '--batch-size',
  'gradient-accumulation-steps': '--accumulation',
  'grad-accum': '--accumulation',
  'warmup-steps': '--warmup',
  'warmup-ratio': '--warmup',
  'max-length': '--max-seq-len',
  'max-seq-length': '--max-seq-len',
  'block-size': '--max-seq-len',
  'cutoff-len': '--max-seq-len',
  r: '--rank',
  'lora-r': '--rank',
  'lora-rank': '--rank',
  'lora-alpha': '--alpha',
  'lora-target': '--target-modules',
  'lora-target-modules': '--target-modules',
  'finetuning-type': '--method',
  'chat-template': '--template',
  'model-name': '--model',
  'model-name-or-path': '--model',
  'base-model': '--model',
  'adapter-name-or-path': '--adapter',
  peft: '--adapter',
  dataset: '--data',
  'dataset-name': '--data',
  'dataset-path': '--data',
  'train-file': '--data',
  output: '--out',
  'output-dir': '--out',
  'output-path': '--out',
  'max-new-tokens': '--tokens',
  'max-tokens': '--tokens',
  'max-train-samples': '--samples',
};

/** The command's own option where the unknown one is another program's. */
function elsewhere(command: Command, message: string): string | undefined {
  const name = /unknown option '--?([\w-]+)/.exec(message)?.[1]?.replaceAll('_', '-').toLowerCase();
  const ours = name === undefined ? undefined : ELSEWHERE[name];
  return command.options.some(({ long }) => long === ours) ? ours : undefined;
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

/** Of which the last alone would count, where a person who gives two means both. */
const ONCE = ['--data', '--adapter'];

function refuseTwice(command: Command, args: readonly string[]): void {
  const twice = ONCE.find((flag) => args.filter((arg) => arg === flag || arg.startsWith(`${flag}=`)).length > 1);
  if (twice === undefined) return;
  throw new Error(`${commandName(command)}: ${twice} may be given once: one folder is read; --help lists the options`);
}

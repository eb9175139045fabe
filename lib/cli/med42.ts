import { Command, CommanderError } from 'commander';
import { terminalText } from '../escape';
import { HelpShown } from '../run/arguments';

/** A command of `med42`: its file is loaded when it is asked for, so that help is there at once. */
interface CommandEntry {
  readonly name: string;
  readonly group: string;
  readonly summary: string;
  readonly load: () => { main(args: readonly string[]): Promise<void> | void };
}

/** In the order in which help lists them. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'fetch',
    group: 'The paper’s line:',
    summary: 'the paper’s data and checkpoints from where they are published',
    load: () => require('./fetch'),
  },
  {
    name: 'reproduce',
    group: 'The paper’s line:',
    summary: 'the whole comparison: data, training, scoring, report',
    load: () => require('./reproduce'),
  },
  {
    name: 'run',
    group: 'The paper’s line:',
    summary: 'a run again, from its settings.json',
    load: () => require('./run'),
  },
  {
    name: 'mix',
    group: 'The paper’s line:',
    summary: 'table A1’s mixture from any number of rows, as a folder',
    load: () => require('./mix'),
  },
  {
    name: 'train',
    group: 'Your own:',
    summary: 'one model by one method on your rows',
    load: () => require('./train'),
  },
  {
    name: 'plan',
    group: 'Your own:',
    summary: 'what a training needs and takes on GPUs, before any is rented',
    load: () => require('./plan'),
  },
  {
    name: 'handoff',
    group: 'Your own:',
    summary: 'a folder that trains the same on a cluster',
    load: () => require('./handoff'),
  },
  {
    name: 'bundle',
    group: 'Your own:',
    summary: 'the workbook as one archive, for machines without a network',
    load: () => require('./bundle'),
  },
  {
    name: 'merge',
    group: 'Your own:',
    summary: 'an adapter into its model, as a Hugging Face folder',
    load: () => require('./merge'),
  },
  {
    name: 'packing',
    group: 'Your own:',
    summary: 'your chunks token by token, as a page',
    load: () => require('./packing'),
  },
  {
    name: 'score',
    group: 'The paper’s line:',
    summary: 'any Llama, with an adapter or without, on the benchmarks',
    load: () => require('./score'),
  },
  {
    name: 'decontaminate',
    group: 'The paper’s line:',
    summary: 'evaluation items near training rows',
    load: () => require('./decontaminate'),
  },
  {
    name: 'generate',
    group: 'The paper’s line:',
    summary: 'text from the base, a fine-tune or an adapter',
    load: () => require('./generate'),
  },
  {
    name: 'chat',
    group: 'The paper’s line:',
    summary: 'a conversation with one of them, in the terminal',
    load: () => require('./chat'),
  },
  {
    name: 'report',
    group: 'The paper’s line:',
    summary: 'a finished run’s report, tables and figures anew, from its files alone',
    load: () => require('./report'),
  },
  {
    name: 'export',
    group: 'The paper’s line:',
    summary: 'figures and tables of saved results, for a report',
    load: () => require('./export'),
  },
  {
    name: 'xla',
    group: 'Your own:',
    summary: 'plug-ins of XLA, for tensor cores and many devices',
    load: () => require('./xla'),
  },
  { name: 'lab', group: 'Notebooks:', summary: 'opens them in your Jupyter', load: () => require('./lab') },
  {
    name: 'notebooks',
    group: 'Notebooks:',
    summary: 'runs them all without Jupyter, or checks them',
    load: () => require('./notebooks'),
  },
  {
    name: 'kernel',
    group: 'Notebooks:',
    summary: 'puts the kernel into your Jupyter, or takes it away',
    load: () => require('./kernel'),
  },
  {
    name: 'tune',
    group: 'The miniature:',
    summary: 'chooses its packing and rates on development items',
    load: () => require('./tune'),
  },
  {
    name: 'build-miniature',
    group: 'The miniature:',
    summary: 'writes its rows, items and tokenizer anew',
    load: () => require('./build-miniature'),
  },
  {
    name: 'build-base',
    group: 'The miniature:',
    summary: 'pretrains its base anew',
    load: () => require('./build-base'),
  },
  {
    name: 'choose-tf-idf',
    group: 'The miniature:',
    summary: 'chooses the form and threshold of TF-IDF',
    load: () => require('./choose-tf-idf'),
  },
  {
    name: 'record',
    group: 'The miniature:',
    summary: 'keeps a run’s results with the workbook',
    load: () => require('./record'),
  },
];

/** The command line as a whole: grouped help, and the nearest command where one is unknown. */
function program(): Command {
  const med42 = new Command('med42')
    .description(
      'Full-parameter against LoRA fine-tuning of medical language models, as the Med42 paper compares them.',
    )
    .helpCommand(false)
    .usage('COMMAND [options]')
    .configureHelp({ subcommandTerm: (command) => command.name() })
    .exitOverride()
    .addHelpText(
      'after',
      '\n`med42 COMMAND --help` lists a command’s options. Research only, not for clinical decisions.',
    )
    .configureOutput({ writeErr: () => {} });
  for (const { name, group, summary, load } of COMMANDS) {
    med42
      .command(name)
      .summary(summary)
      .usage('[options]')
      .helpGroup(group)
      .helpOption(false)
      .allowUnknownOption()
      .argument('[arguments...]')
      .action((_, __, command: Command) => load().main(command.args));
  }
  return med42;
}

/** @param args without Node and the script */
export async function run(args: readonly string[]): Promise<void> {
  const med42 = program();
  // `med42 --help | head` closes the pipe early.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  guardConsole();
  try {
    if (args.length === 0) med42.outputHelp();
    else await med42.parseAsync([...args], { from: 'user' });
  } catch (error) {
    if (error instanceof HelpShown) return;
    if (error instanceof CommanderError && error.exitCode === 0) return;
    const message = error instanceof Error ? error.message : String(error);
    const unknown = error instanceof CommanderError ? '; `med42 --help` lists the commands' : '';
    console.error(
      `\n${message.replace(/^error: /, 'med42: ').replace(/\s*\(Did you mean (.*)\?\)$/s, ', did you mean $1')}${unknown}`,
    );
    process.exitCode = 1;
  }
}

/** Names and rows come from outside: what they hold must not move the cursor or turn a line around. */
function guardConsole(): void {
  for (const name of ['log', 'error'] as const) {
    const print = console[name].bind(console);
    console[name] = (...parts: unknown[]) =>
      print(...parts.map((part) => (typeof part === 'string' ? terminalText(part) : part)));
  }
}

if (require.main === module) void run(process.argv.slice(2));

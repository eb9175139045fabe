import { newCommand, readArguments } from '../run/arguments';
import { sayLine } from '../run/progress';
import { openSpeaker, printText, type SpeakerOptions, withSpeakerOptions } from './speaker';

const command = () =>
  withSpeakerOptions(
    newCommand('generate', 'Continues a text. What it says may be wrong.').requiredOption(
      '--prompt <text>',
      'the text to continue',
    ),
    'none',
  );

interface Given extends SpeakerOptions {
  readonly prompt: string;
}

export async function main(args: readonly string[]): Promise<void> {
  const { options } = readArguments<Given>(command(), args);
  const speaker = await openSpeaker('generate', options, 'none', sayLine);
  try {
    const ids = await speaker.encode([{ role: 'user', content: options.prompt }]);
    printText(await speaker.tokenizer.decode(ids));
    const said = await speaker.speak(ids, printText);
    if (said.trim() === '') process.stdout.write(`\n${speaker.emptyReply}`);
  } finally {
    await speaker.dispose();
  }
  process.stdout.write('\n\n[research only, not for clinical decisions]\n');
}

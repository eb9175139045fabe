import { createInterface } from 'node:readline';
import type { Message } from '../data/chat/rendering';
import { newCommand, readArguments } from '../run/arguments';
import { sayLine } from '../run/progress';
import { openSpeaker, printText, type Speaker, type SpeakerOptions, withSpeakerOptions } from './speaker';

const command = () =>
  withSpeakerOptions(
    newCommand('chat', 'A conversation with a model, a line a turn. What it says may be wrong.').option(
      '--system <text>',
      'the system prompt  (default: the template’s own)',
    ),
    'med42',
  );

interface Given extends SpeakerOptions {
  readonly system?: string;
}

export async function main(args: readonly string[]): Promise<void> {
  const { options } = readArguments<Given>(command(), args);
  const speaker = await openSpeaker('chat', options, 'med42', sayLine);
  process.stdout.write('Research only, not for clinical decisions. What the model says may be wrong.\n');
  process.stdout.write('/new forgets the conversation, /exit leaves; Ctrl-C stops an answer, once more leaves.\n');
  try {
    await converse(speaker, options.system === undefined ? [] : [{ role: 'system', content: options.system }]);
  } finally {
    await speaker.dispose();
  }
}

/** Reads a line, answers it, until the input ends. */
async function converse(speaker: Speaker, opening: readonly Message[]): Promise<void> {
  const isTerminal = process.stdin.isTTY === true;
  const lines = createInterface({ input: process.stdin, output: process.stdout, terminal: isTerminal, prompt: '\n> ' });
  let isAnswering = false;
  let isStopped = false;
  const interrupt = () => {
    if (isAnswering && !isStopped) isStopped = true;
    else {
      process.stdout.write('\n');
      process.exit(130);
    }
  };
  // A terminal's Ctrl-C is read by readline, a signal from elsewhere by the process.
  lines.on('SIGINT', interrupt);
  process.on('SIGINT', interrupt);
  const ask = () => (isTerminal ? lines.prompt() : undefined);
  let messages: Message[] = [...opening];
  ask();
  for await (const line of lines) {
    const said = line.trim();
    if (said === '/exit') break;
    if (said === '/new') messages = [...opening];
    else if (said !== '') {
      isAnswering = true;
      isStopped = false;
      messages = await answer(speaker, [...messages, { role: 'user', content: line }], opening.length, () => isStopped);
      isAnswering = false;
    }
    ask();
  }
  lines.close();
  process.off('SIGINT', interrupt);
}

/**
 * The conversation with the answer to its last message; its oldest turns go where it no longer fits the context.
 *
 * @param kept messages at the front that stay: the system prompt
 */
async function answer(
  speaker: Speaker,
  asked: readonly Message[],
  kept: number,
  isStopped: () => boolean,
): Promise<Message[]> {
  let messages = [...asked];
  let ids = await speaker.encode(messages);
  while (ids.length >= speaker.maxLength && messages.length > kept + 1) {
    messages = [...messages.slice(0, kept), ...messages.slice(kept + 2)];
    ids = await speaker.encode(messages);
    process.stdout.write('[The conversation is longer than the context: its oldest turn is left out.]\n');
  }
  if (ids.length >= speaker.maxLength) {
    process.stdout.write(
      `[The message has ${ids.length} tokens with its template, the context ${speaker.maxLength}: shorten it.]\n`,
    );
    return messages.slice(0, -1);
  }
  const content = await speaker.speak(ids, printText, isStopped);
  const isEmpty = content.trim() === '' && !isStopped();
  if (isEmpty) process.stdout.write(speaker.emptyReply);
  process.stdout.write(isStopped() ? '\n[stopped]\n' : '\n');
  return [...messages, { role: 'assistant', content }];
}

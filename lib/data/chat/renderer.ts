import { type ChildProcess, fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { WORKBOOK_ROOT } from '../../files';
import { type Conversation, LIMITS, type Rendering } from './rendering';

/*
 * A template is a program from outside: it may run for years, or ask for all memory, and that would abort Node. It runs
 * in a process of its own, for a limited time, in limited memory.
 */

/** What a renderer's process is asked. */
export interface Request {
  readonly source: string;
  readonly variables: Readonly<Record<string, string>>;
  readonly conversations: readonly Conversation[];
  /** How long it may take. */
  readonly seconds: number;
}

/** What it answers: renderings of all conversations, or why not. */
export interface Answer {
  readonly renderings?: readonly Rendering[];
  readonly failure?: {
    /** Which conversation it was; -1 before the first. */
    readonly at: number;
    readonly kind: 'error' | 'turns' | 'unmarked' | 'lost' | 'length' | 'time' | 'ended';
    /** The cause in words; of `turns` and `lost` the turn's number. */
    readonly message: string;
  };
}

/** Characters that go to the process at once, and that may take a second more. */
const PORTION = 2 ** 20;
/** Seconds, after which a process that does not end its work itself is ended. */
const GRACE = 5;

/** Beside this file once it is compiled; sources that are run as they are start what was built of them. */
const PROGRAM = [__dirname, join(WORKBOOK_ROOT, 'dist', 'data', 'chat')]
  .map((folder) => join(folder, 'renderer-child.js'))
  .find(existsSync);

export class RenderError extends Error {
  constructor(
    readonly failure: Answer['failure'] & {},
    cause: string,
  ) {
    super(cause);
  }
}

/** Renders conversations with one template. Its process is started when it is needed, and ends with this one. */
export interface Renderer {
  /** @throws RenderError */
  render(conversations: readonly Conversation[]): Promise<Rendering[]>;
}

export function openRenderer(source: string, variables: Readonly<Record<string, string>>): Renderer {
  let child: ChildProcess | undefined;
  const ask = async (conversations: readonly Conversation[], first: number): Promise<readonly Rendering[]> => {
    if (!child?.connected) child = start();
    const seconds = LIMITS.seconds + Math.floor(conversations.reduce((sum, one) => sum + lengthOf(one), 0) / PORTION);
    const { renderings, failure } = await answerOf(child, { source, variables, conversations, seconds });
    if (renderings) return renderings;
    const { at, kind, message } = failure!;
    const whole = { ...failure!, at: at < 0 ? at : at + first };
    throw new RenderError(whole, kind === 'time' ? `${seconds} seconds` : message);
  };
  let last: Promise<unknown> = Promise.resolve();
  const work = async (conversations: readonly Conversation[]): Promise<Rendering[]> => {
    const made: Rendering[] = [];
    for (const portion of portionsOf(conversations)) made.push(...(await ask(portion, made.length)));
    return made;
  };
  return {
    render: (conversations) => {
      // One portion after the other: each has the process to itself, and its time.
      const made = last.then(() => work(conversations));
      last = made.catch(() => {});
      return made;
    },
  };
}

const lengthOf = ({ messages }: Conversation): number =>
  messages.reduce((sum, { content }) => sum + content.length, 1000);

/** At least one portion: an empty one has the template parsed. */
function* portionsOf(conversations: readonly Conversation[]): Generator<readonly Conversation[]> {
  let start = 0;
  let characters = 0;
  for (const [i, conversation] of conversations.entries()) {
    characters += lengthOf(conversation);
    if (i > start && characters > PORTION) {
      yield conversations.slice(start, i);
      start = i;
      characters = lengthOf(conversation);
    }
  }
  yield conversations.slice(start);
}

function start(): ChildProcess {
  if (PROGRAM === undefined) throw new Error('chat template: the workbook is not built; run `npm run build`');
  // Not what this process itself was started with: a debugger's port, say, is taken.
  const execArgv = [`--max-old-space-size=${LIMITS.memory}`];
  const child = fork(PROGRAM, { execArgv, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  child.on('error', () => {});
  // Idle, it keeps nobody waiting.
  child.unref();
  child.channel?.unref();
  return child;
}

function answerOf(child: ChildProcess, request: Request): Promise<Answer> {
  return new Promise((resolve) => {
    const end = (answer: Answer) => {
      clearTimeout(timer);
      child.off('message', end);
      child.off('exit', onExit);
      child.channel?.unref();
      child.unref();
      resolve(answer);
    };
    const fail = (kind: 'time' | 'ended', message: string) => end({ failure: { at: -1, kind, message } });
    const onExit = (code: number | null, signal: string | null) => fail('ended', signal ?? `status ${code}`);
    const timer = setTimeout(
      () => {
        child.kill('SIGKILL');
        fail('time', '');
      },
      1000 * (request.seconds + GRACE),
    );
    child.ref();
    child.channel?.ref();
    child.once('message', end);
    child.once('exit', onExit);
    child.send(request, (error) => error && onExit(child.exitCode, child.signalCode));
  });
}

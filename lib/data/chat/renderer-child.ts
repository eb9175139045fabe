import { runInNewContext } from 'node:vm';
import { Template } from '@huggingface/jinja';
import type { Answer, Request } from './renderer';
import {
  ChangedTurns,
  LIMITS,
  LostTurn,
  MARK_NAME,
  type Message,
  NothingMarked,
  type Render,
  renderConversation,
  withMarks,
} from './rendering';

/** The other end of `openRenderer`: a process that renders with one template. */

let template: Template | undefined;

function answer({ source, variables, conversations, seconds }: Request): Answer {
  let at = -1;
  const marked = withMarks(source);
  const render: Render = (messages, prompting, mark = '') => {
    // Source: transformers, render_jinja_template: without tools and documents both are none, and defined.
    const own = { tools: null, documents: null, messages, add_generation_prompt: prompting, [MARK_NAME]: mark };
    const text = template!.render({ ...variables, ...own });
    const given = messages.reduce((sum, { content }) => sum + content.length, 1000 * messages.length);
    if (text.length > LIMITS.added + LIMITS.times * given) throw new Overlong(text.length, messages);
    return text;
  };
  const work = () => {
    template ??= new Template(marked);
    return conversations.map((conversation, i) => {
      at = i;
      return renderConversation(conversation, render, marked !== source);
    });
  };
  try {
    return {
      renderings: runInNewContext('work()', { work }, { timeout: 1000 * seconds }) as Answer['renderings'] & {},
    };
  } catch (error) {
    return { failure: { at, ...causeOf(error) } };
  }
}

class Overlong extends Error {
  constructor(length: number, messages: readonly Message[]) {
    super(`it made ${length} characters of ${messages.length} turns`);
  }
}

function causeOf(error: unknown): Pick<Answer['failure'] & {}, 'kind' | 'message'> {
  const { message, code } = error as NodeJS.ErrnoException;
  if (code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return { kind: 'time', message: '' };
  if (error instanceof Overlong) return { kind: 'length', message };
  if (error instanceof NothingMarked) return { kind: 'unmarked', message: '' };
  if (error instanceof LostTurn) return { kind: 'lost', message: String(error.turn) };
  if (error instanceof ChangedTurns) return { kind: 'turns', message: String(error.turn) };
  // A stack that overflows, a string or an array beyond V8's longest.
  if (error instanceof RangeError)
    return { kind: 'error', message: 'it nests too deep, or makes too long a text or list' };
  return { kind: 'error', message };
}

// A terminal's Ctrl-C reaches parent and child; the parent says what it means.
process.on('SIGINT', () => {});
process.on('disconnect', () => process.exit(0));
process.on('message', (request: Request) => process.send?.(answer(request)));

import type { Exchange } from '../rows';
import type { Fields } from './fields';

/** A conversation as its turns: what the system says, and each prompt with its response. */
export interface Conversation {
  readonly system?: string;
  readonly exchanges: readonly Exchange[];
}

type Role = 'system' | 'user' | 'assistant';

/** What OpenAI, ShareGPT and their copies call the three roles. */
const ROLES: Readonly<Record<string, Role>> = {
  system: 'system',
  developer: 'system',
  user: 'user',
  human: 'user',
  prompter: 'user',
  assistant: 'assistant',
  gpt: 'assistant',
  chatgpt: 'assistant',
  model: 'assistant',
  bot: 'assistant',
};

interface Turn {
  readonly role: Role;
  readonly text: string;
}

/**
 * A list of turns, `{role, content}` or `{from, value}`: a system turn first if any, then user and assistant in turn,
 * the assistant last. A user's turn that nobody answered at the end is no part of it.
 *
 * @throws naming the turn that is of another kind
 */
export function conversationOf(row: Fields, field: string): Conversation {
  const value = row.get(field);
  if (!Array.isArray(value) || value.length === 0) throw row.refuse(field, 'a list of turns', value);
  const turns = value.map((turn: unknown, i) => turnOf(row, `${field}[${i}]`, turn));
  const leading = turns[0]?.role === 'system' ? turns[0].text : undefined;
  const rest = leading === undefined ? turns : turns.slice(1);
  const exchanges: Exchange[] = [];
  for (let i = 0; i + 1 < rest.length; i += 2) {
    const [asked, answered] = [rest[i]!, rest[i + 1]!];
    const at = i + turns.length - rest.length;
    expectRole(row, `${field}[${at}]`, 'user', asked);
    expectRole(row, `${field}[${at + 1}]`, 'assistant', answered);
    if (answered.text.trim() === '') throw row.refuse(`${field}[${at + 1}]`, 'an answer with text', answered.text);
    exchanges.push({ prompt: asked.text, response: answered.text });
  }
  if (exchanges.length === 0) throw row.refuse(field, 'turns with a user’s and then an assistant’s', value);
  return { ...(leading === undefined ? {} : { system: leading }), exchanges };
}

function turnOf(row: Fields, field: string, turn: unknown): Turn {
  const { role, from, content, value } = (turn ?? {}) as Readonly<Record<string, unknown>>;
  const name = String(role ?? from);
  const known = ROLES[name.toLowerCase()];
  if (!known) {
    throw row.refuse(field, `a turn of system, user or assistant (of ShareGPT: system, human, gpt), with text`, turn);
  }
  return { role: known, text: contentOf(row, field, content ?? value) };
}

/** OpenAI's content is a text or a list of parts, of which text is read. */
function contentOf(row: Fields, field: string, content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) throw row.refuse(`${field}.content`, 'text', content);
  return content
    .map((part: { readonly type?: unknown; readonly text?: unknown }) => {
      if (part?.type === 'text' && typeof part.text === 'string') return part.text;
      throw row.refuse(`${field}.content`, 'text alone: images, sounds and tool calls are not read', part);
    })
    .join('');
}

function expectRole(row: Fields, field: string, role: Role, turn: Turn): void {
  if (turn.role !== role) throw row.refuse(field, `the ${role}’s turn (user and assistant in turn)`, turn.role);
}

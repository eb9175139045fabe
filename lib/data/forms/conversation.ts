import { parseJson } from '../../json-file';
import type { Exchange } from '../rows';
import { type Fields, isEmpty } from './fields';

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
  bing: 'assistant',
  bard: 'assistant',
  claude: 'assistant',
  model: 'assistant',
  bot: 'assistant',
  ai: 'assistant',
  chatbot: 'assistant',
};

/** A turn's fields that are read. */
const READ: ReadonlySet<string> = new Set(['role', 'from', 'content', 'value']);
/** Whether a turn is learnt, in the words of OpenAI and Mistral, of Axolotl, and of ms-swift. */
const LEARNT = ['weight', 'train', 'training', 'loss', 'train_detail'];
const YES: readonly unknown[] = [1, true, '1', 'true'];
const NO: readonly unknown[] = [0, false, '0', 'false'];
/** A turn's calls of tools, in OpenAI's words of now and of 2023. */
const CALLS = ['tool_calls', 'function_call'];

const TEXT_ALONE = 'text alone: images, sounds and tool calls are not read';
/** What OpenAI's two interfaces call a part that is text. */
const TEXT_PARTS: readonly unknown[] = ['text', 'input_text', 'output_text'];

interface Turn {
  readonly role: Role;
  readonly text: string;
}

/**
 * A list of turns, `{role, content}` or `{from, value}`: a system turn first if any, then user and assistant in turn,
 * the assistant last. A user's turn that nobody answered at the end is no part of it.
 *
 * @param value the row's field, or what stands for it
 * @throws naming the turn that is of another kind, or that is not to be learnt
 */
export function conversationOf(row: Fields, field: string, value: unknown = row.get(field)): Conversation {
  const list = listOf(row, field, value);
  if (!Array.isArray(list) || list.length === 0) throw row.refuse(field, 'a list of turns', value);
  const turns = list.map((turn: unknown, i) => turnOf(row, `${field}[${i}]`, turn));
  const leading = turns[0]?.role === 'system' ? turns[0].text : undefined;
  const rest = leading === undefined ? turns : turns.slice(1);
  const exchanges: Exchange[] = [];
  for (let i = 0; i < rest.length; i += 2) {
    const [asked, answered] = [rest[i]!, rest[i + 1]];
    const at = i + turns.length - rest.length;
    expectRole(row, `${field}[${at}]`, 'user', asked);
    if (!answered) break;
    expectRole(row, `${field}[${at + 1}]`, 'assistant', answered);
    if (asked.text.trim() === '') throw row.refuse(`${field}[${at}]`, 'a question with text', asked.text);
    if (answered.text.trim() === '') throw row.refuse(`${field}[${at + 1}]`, 'an answer with text', answered.text);
    exchanges.push({ prompt: asked.text, response: answered.text });
  }
  if (exchanges.length === 0) throw row.refuse(field, 'turns with a user’s and then an assistant’s', value);
  return { ...(leading === undefined ? {} : { system: leading }), exchanges };
}

/** A list as it is, as JSON in a text (a CSV has no other), or, as `datasets` writes a sequence, a list for each field. */
function listOf(row: Fields, field: string, value: unknown): unknown {
  if (typeof value === 'string' && value.trim().startsWith('[')) {
    try {
      return parseJson(value);
    } catch {
      throw row.refuse(field, 'a list of turns, or JSON of one (as json.dumps writes it, not str)', value);
    }
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const columns = Object.entries(value).filter((one): one is [string, unknown[]] => Array.isArray(one[1]));
  const length = columns[0]?.[1].length ?? 0;
  if (columns.some(([, values]) => values.length !== length)) return value;
  return Array.from({ length }, (_, i) => Object.fromEntries(columns.map(([name, values]) => [name, values[i]])));
}

function turnOf(row: Fields, field: string, turn: unknown): Turn {
  const own = (turn ?? {}) as Readonly<Record<string, unknown>>;
  const { role, from, content, value } = own;
  const name = String(role ?? from)
    .trim()
    .toLowerCase();
  const known = Object.hasOwn(ROLES, name) ? ROLES[name] : undefined;
  if (!known) {
    throw row.refuse(field, `a turn of system, user or assistant (of ShareGPT: system, human, gpt), with text`, turn);
  }
  // Answers are learnt, all alike, and nothing else is.
  const usual = known === 'assistant' ? YES : NO;
  const unusual = LEARNT.filter((one) => !(usual.includes(own[one]) || (own[one] !== false && isEmpty(own[one]))));
  if (known === 'assistant' && CALLS.some((one) => !isEmpty(own[one]))) {
    throw row.refuse(field, `a turn of ${TEXT_ALONE}`, turn);
  }
  if (known === 'assistant' && unusual.length > 0) {
    throw row.refuse(field, 'a turn that is learnt: every answer of a conversation is, with a weight of 1', turn);
  }
  const left = Object.keys(own).filter((one) => !READ.has(one) && !LEARNT.includes(one));
  for (const one of [...left, ...unusual]) row.leave(`turns: ${one}`, own[one]);
  return { role: known, text: contentOf(row, field, turn, content ?? value) };
}

/** OpenAI's content is a text or a list of parts, of which text is read. */
function contentOf(row: Fields, field: string, turn: unknown, content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) {
    throw row.refuse(`${field}.content`, 'text', content ?? turn);
  }
  return content
    .map((part: { readonly type?: unknown; readonly text?: unknown }) => {
      if (TEXT_PARTS.includes(part?.type) && typeof part.text === 'string') return part.text;
      throw row.refuse(`${field}.content`, TEXT_ALONE, part);
    })
    .join('');
}

function expectRole(row: Fields, field: string, role: Role, turn: Turn): void {
  if (turn.role !== role) throw row.refuse(field, `the ${role}’s turn (user and assistant in turn)`, turn.role);
}

/**
 * Refuses a row that is marked as not to be learnt: as a turn may be, or as KTO marks an answer that is not wanted, in the
 * words of TRL and ms-swift (`label`) and of LLaMA-Factory (`kto_tag`).
 */
export function requireLearnt(row: Fields): void {
  const isNo = (value: unknown) => NO.includes(typeof value === 'string' ? value.trim().toLowerCase() : value);
  const isFalse = (value: unknown) => isNo(value) && !/0/.test(String(value));
  // Beside other fields these names may be a class, a loss that was measured, a patient's weight.
  const marks: readonly (readonly [field: string, isUnwanted: boolean])[] = [
    ['label', row.has('prompt', 'completion') && isNo(row.peek('label'))],
    ['label', (row.has('prompt') || row.has('messages')) && isFalse(row.peek('label'))],
    ['kto_tag', isNo(row.peek('kto_tag'))],
    ['weight', isNo(row.peek('weight'))],
    ...['train', 'training', 'loss'].map((field) => [field, isFalse(row.peek(field))] as const),
  ];
  const found = marks.find(([, isUnwanted]) => isUnwanted);
  if (found) {
    throw row.refuse(
      found[0],
      'true (or 1) where it stands: an answer that is not wanted is not to be learnt',
      row.peek(found[0]),
    );
  }
}

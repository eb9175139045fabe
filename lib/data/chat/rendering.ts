/** A turn, as chat templates take it. */
export interface Message {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/** A conversation to render. */
export interface Conversation {
  readonly messages: readonly Message[];
  /** Its assistant's turns are learnt; else the text ends where the assistant is to begin. */
  readonly learn: boolean;
}

/** A rendered conversation, and which stretches of it are learnt: [from, to) in UTF-16 units. */
export interface Rendering {
  readonly text: string;
  readonly learnt: readonly (readonly [number, number])[];
  /** The conversation has a system prompt, and the template does not write it. */
  readonly losesSystem?: true;
}

/** What a template may take: each more than any that people write takes. */
export const LIMITS = {
  /** For what takes milliseconds. */
  seconds: 5,
  /** Characters that it may add to a conversation: a long system prompt of its own. */
  added: 100_000,
  /** So many times the conversation's own characters it may make beside. */
  times: 10,
  /** MiB. A conversation of 64 million characters fits. */
  memory: 1024,
};

/**
 * @param prompting the text ends where the assistant is to begin
 * @param mark stands before and after what `{% generation %}` encloses
 */
export type Render = (messages: readonly Message[], prompting: boolean, mark?: string) => string;

/** The variable by which a template that `withMarks` has made writes its marks. */
export const MARK_NAME = 'mark_of_generation';

/** A template that writes a mark in place of `{% generation %}` and of its end. */
export const withMarks = (source: string): string =>
  // The tag is a block's on both sides still: the white space around it is taken off, or kept, as it was.
  source.replace(
    /\{%(-?)\s*(?:end)?generation\s*(-?)%\}/g,
    (_, before: string, after: string) => `{%${before} if true %}{{ ${MARK_NAME} }}{% endif ${after}%}`,
  );

/**
 * A conversation in the model's template. What the template encloses in `{% generation %}` is learnt. Where it encloses
 * nothing, all is learnt that it adds, for an assistant's turn, to the text that asks for it: the answer, and what ends
 * it.
 *
 * @param isMarked whether the template has the block
 * @throws when it encloses nothing of this conversation; when a template without the block changes earlier turns as later
 * ones come, so that what it adds cannot be told; when a question is not in the text, or its answer not in what is learnt
 * Source: TRL's SFTTrainer: `assistant_only_loss`; else prompt and completion of conversational data, turn after turn.
 */
export function renderConversation(conversation: Conversation, render: Render, isMarked: boolean): Rendering {
  const rendering = renderTurns(conversation, render, isMarked);
  return losesSystem(conversation, rendering.text, render) ? { ...rendering, losesSystem: true } : rendering;
}

/** Whether the text is what it would be with another system prompt. */
function losesSystem({ messages, learn }: Conversation, text: string, render: Render): boolean {
  const [first, ...rest] = messages;
  const said = first?.content.trim() ?? '';
  if (first?.role !== 'system' || said === '') return false;
  // So long a text is there because it was written; that spares most templates a rendering.
  if (said.length >= COMPARED && text.includes(said)) return false;
  return render([{ ...first, content: `other ${said} than this` }, ...rest], !learn) === text;
}

function renderTurns({ messages, learn }: Conversation, render: Render, isMarked: boolean): Rendering {
  if (!learn) return { text: render(messages, true), learnt: [] };
  if (isMarked) return renderMarked(messages, render);
  let text = '';
  const learnt: [number, number][] = [];
  for (const [i, { role }] of messages.entries()) {
    if (role !== 'assistant') continue;
    const asked = render(messages.slice(0, i), true);
    const answered = render(messages.slice(0, i + 1), false);
    if (!asked.startsWith(text) || !answered.startsWith(asked)) {
      throw new ChangedTurns(i + 1);
    }
    if (i > 0 && !holds(asked, messages[i - 1]!)) throw new LostTurn(i);
    if (!holds(answered.slice(asked.length), messages[i]!)) throw new LostTurn(i + 1);
    learnt.push([asked.length, answered.length]);
    text = answered;
  }
  return { text, learnt };
}

function renderMarked(messages: readonly Message[], render: Render): Rendering {
  let number = 0;
  // Characters for private use, which a message may have too.
  const mark = () => `\uE100${number}\uE101`;
  while (messages.some(({ content }) => content.includes(mark()))) number++;
  const learnt: [number, number][] = [];
  let text = '';
  for (const [i, part] of render(messages, false, mark()).split(mark()).entries()) {
    if (i % 2 === 1 && part !== '') learnt.push([text.length, text.length + part.length]);
    text += part;
  }
  if (learnt.length === 0) throw new NothingMarked();
  const question = messages.findLastIndex(({ role }) => role === 'user');
  if (question >= 0 && !holds(text, messages[question]!)) throw new LostTurn(question + 1);
  const answers = messages.filter(({ role }) => role === 'assistant');
  const isLearnt = learnt.some(([from, to]) => answers.some((answer) => holds(text.slice(from, to), answer)));
  if (!isLearnt) throw new LostTurn(messages.length);
  return { text, learnt };
}

/** Of a message's last word, characters compared at most. */
const COMPARED = 32;

/**
 * Whether a message's last word is in a text. A template may trim what is said, and leave out the thoughts that an answer
 * begins with: its end stays.
 */
function holds(text: string, { content }: Message): boolean {
  const said = content.trimEnd();
  let start = said.length;
  while (start > 0 && said.length - start < COMPARED && !/\s/.test(said.charAt(start - 1))) start--;
  return text.includes(said.slice(start));
}

/** A template whose own marks enclose nothing of a conversation. */
export class NothingMarked extends Error {}

/** A template that does not write what a turn says, or does not where it is learnt. */
export class LostTurn extends Error {
  constructor(readonly turn: number) {
    super(`what turn ${turn} says is not written`);
  }
}

/** A template that changes what came before a turn. */
export class ChangedTurns extends Error {
  constructor(readonly turn: number) {
    super(`what came before turn ${turn} is changed`);
  }
}

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

/** @param prompting the text ends where the assistant is to begin */
export type Render = (messages: readonly Message[], prompting: boolean) => string;

/**
 * A conversation in the model's template. Of each assistant's turn all is learnt that the template adds to the text
 * that asks for it: the answer, and what ends it.
 *
 * @throws when the template changes earlier turns as later ones come, so that what it adds cannot be told
 * Source: TRL, prompt and completion of conversational data, turn after turn.
 */
export function renderConversation({ messages, learn }: Conversation, render: Render): Rendering {
  if (!learn) return { text: render(messages, true), learnt: [] };
  let text = '';
  const learnt: [number, number][] = [];
  for (const [i, { role }] of messages.entries()) {
    if (role !== 'assistant') continue;
    const asked = render(messages.slice(0, i), true);
    const answered = render(messages.slice(0, i + 1), false);
    if (!asked.startsWith(text) || !answered.startsWith(asked)) {
      throw new ChangedTurns(i + 1);
    }
    learnt.push([asked.length, answered.length]);
    text = answered;
  }
  return { text, learnt };
}

/** A template that changes what came before a turn. */
export class ChangedTurns extends Error {
  constructor(readonly turn: number) {
    super(`what came before turn ${turn} is changed`);
  }
}

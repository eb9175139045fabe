/** A multiple-choice question of an evaluation set. `answer` indexes `choices` from 0. */
export interface EvalItem {
  readonly id: string;
  readonly task: string;
  readonly subject?: string;
  readonly question: string;
  readonly context?: string;
  /** One may be empty: the harness scores it. */
  readonly choices: readonly string[];
  readonly answer: number;
  /** Where the question's picture lies; a language model does not see it. */
  readonly image?: string;
}

/** A prompt and what was answered, earlier in a conversation. */
export interface Exchange {
  readonly prompt: string;
  readonly response: string;
}

/** An instruction and the response to be learnt. A multiple-choice row may keep its question, choices and answer. */
export interface TrainExample {
  readonly id: string;
  /** Names the set the row comes from; `sources/names.ts` maps it to a row of table A1. */
  readonly source: string;
  readonly system?: string;
  /** What was said before, in order; its responses are learnt too. */
  readonly history?: readonly Exchange[];
  /** Empty for `plain` text. */
  readonly prompt: string;
  readonly response: string;
  /** The response is a text of its own: it is put into no template, and all of it is learnt. */
  readonly plain?: true;
  readonly question?: string;
  readonly choices?: readonly string[];
  readonly answer?: number;
}

/** Where a row stands, for the error that names it. */
export interface RowPlace {
  readonly file: string;
  /** 'line 3', 'row 3' */
  readonly at: string;
}

import { stemOf } from '../reading/records';
import type { Exchange, TrainExample } from '../rows';
import { conversationOf, requireLearnt } from './conversation';
import type { Fields } from './fields';
import { ITEM_FORMS } from './items';
import { holdsObjects, pairsToSay, preference, unknownForm } from './unknown';

/** One way in which people write a training row. */
export interface TrainingForm {
  /** As the user knows it. */
  readonly name: string;
  /** For the error that lists what would be read. */
  readonly wanted: string;
  /** Fields without which a row is not of this form. */
  readonly needs: readonly string[];
  fits(row: Fields): boolean;
  /** @throws naming the field that is wrong */
  read(row: Fields): Omit<TrainExample, 'id' | 'source'>;
}

const systemOf = (row: Fields): { system?: string } => {
  if (row.has('system')) return row.optionalText('system');
  if (!row.has('system_prompt')) return {};
  return { system: row.optionalText('system_prompt').system_prompt! };
};

/** A prompt and its response under two names; a question may have a text that it is asked of, as items have it. */
function pair(prompt: string, response: string, name = `${prompt}, ${response}`): TrainingForm {
  return {
    name,
    wanted: name,
    needs: [prompt, response],
    fits: (row) => row.has(prompt, response),
    read: (row) => {
      const asked = row.text(prompt);
      const context = prompt === 'question' && row.hasText('context') ? row.text('context') : undefined;
      return {
        ...systemOf(row),
        prompt: context === undefined ? asked : `${context}\n${asked}`,
        response: row.text(response),
      };
    },
  };
}

/** An instruction, what it is to be done with, and the response. */
function alpaca(name: string, input: string, response: string): TrainingForm {
  return {
    name,
    wanted: `instruction, ${response}, and ${input} where there is one`,
    needs: ['instruction', response],
    fits: (row) => row.has('instruction', response),
    read: (row) => {
      const { [input]: given } = row.optionalText(input);
      const isGiven = given !== undefined && given.trim() !== '';
      // Either may be blank: what is asked stands in the other then. Source: LLaMA-Factory, AlpacaDatasetConverter
      const isAlone = isGiven && row.has('instruction') && !row.hasText('instruction');
      const instruction = isAlone ? '' : row.text('instruction');
      return {
        ...systemOf(row),
        ...historyOf(row),
        prompt: isAlone ? given : isGiven ? `${instruction}\n${given}` : instruction,
        response: row.text(response),
      };
    },
  };
}

/** A prompt that is a list of turns, and the answer to the last: a list too, or its text. */
function conversational(name: string, response: string): TrainingForm {
  return {
    name,
    wanted: `prompt, ${response}`,
    needs: ['prompt', response],
    fits: (row) => holdsObjects(row.peek('prompt')) && row.has(response),
    read: (row) => {
      const [asked, answer] = [row.get('prompt') as readonly unknown[], row.get(response)];
      const both = [...asked, ...(Array.isArray(answer) ? answer : [{ role: 'assistant', content: answer }])];
      const { system, exchanges } = conversationOf(row, 'prompt', both);
      return { ...(system === undefined ? {} : { system }), ...split(exchanges) };
    },
  };
}

const turns = (name: string, field: string): TrainingForm => ({
  name,
  wanted: name,
  needs: [field],
  fits: (row) => row.has(field),
  read: (row) => {
    const { system, exchanges } = conversationOf(row, field);
    return { ...(system === undefined ? systemOf(row) : { system }), ...split(exchanges) };
  },
});

/** The last exchange, and those before it. */
function split(exchanges: readonly Exchange[]): Pick<TrainExample, 'history' | 'prompt' | 'response'> {
  const history = exchanges.slice(0, -1);
  return { ...(history.length > 0 ? { history } : {}), ...exchanges.at(-1)! };
}

/** The workbook's own form. */
const PROMPT_RESPONSE: TrainingForm = {
  name: 'prompt, response',
  wanted: 'prompt, response',
  needs: ['prompt', 'response'],
  fits: (row) => row.has('prompt', 'response'),
  read: (row) => ({
    ...systemOf(row),
    // A field of this name may hold something else, such as a patient's.
    ...(Array.isArray(row.get('history')) ? historyOf(row) : {}),
    prompt: row.text('prompt'),
    response: row.text('response'),
    ...row.optionalText('question'),
    ...(row.has('choices') ? choicesAndAnswer(row) : {}),
  }),
};

/** A prompt of no form above lacks its response, whatever else the row has: the error says so. */
const LACKS_RESPONSE: TrainingForm = { ...PROMPT_RESPONSE, fits: (row) => row.has('prompt') };

/** The forms, in the order in which they are tried. */
export const TRAINING_FORMS: readonly TrainingForm[] = [
  conversational('prompt, response (messages)', 'response'),
  PROMPT_RESPONSE,
  turns('messages (role, content)', 'messages'),
  turns('ShareGPT conversations (from, value)', 'conversations'),
  turns('ShareGPT conversation (from, value)', 'conversation'),
  alpaca('Alpaca (instruction, input, output)', 'input', 'output'),
  conversational('prompt, completion (messages)', 'completion'),
  pair('prompt', 'completion'),
  LACKS_RESPONSE,
  {
    name: 'multiple choice',
    wanted: 'question, choices (or options), answer',
    needs: ['question', 'choices', 'answer'],
    fits: (row) => ITEM_FORMS.some((form) => form.fits(row)),
    read: (row) => {
      const { question, context, choices, answer } = ITEM_FORMS.find((form) => form.fits(row))!.read(row);
      const lettered = choices.map((choice, i) => `${String.fromCharCode(97 + i)}. ${choice}`);
      const asked = context === undefined ? question : `${context}\n${question}`;
      return { prompt: [asked, ...lettered].join('\n'), response: lettered[answer]!, question, choices, answer };
    },
  },
  pair('question', 'response'),
  pair('question', 'answer'),
  pair('Question', 'Answer'),
  pair('query', 'response'),
  {
    ...alpaca('instruction, input, response', 'input', 'response'),
    fits: (row) => row.has('instruction', 'input', 'response'),
  },
  alpaca('Dolly (instruction, context, response)', 'context', 'response'),
  {
    name: 'Natural Instructions (definition, inputs, targets)',
    wanted: 'inputs, targets',
    needs: ['inputs', 'targets'],
    fits: (row) => row.has('inputs', 'targets'),
    read: (row) => {
      const { definition } = row.optionalText('definition');
      const inputs = row.text('inputs');
      return {
        prompt: definition === undefined ? inputs : `${definition}\n\n${inputs}`,
        response: row.text('targets'),
      };
    },
  },
  pair('input', 'output'),
  {
    name: 'plain text',
    wanted: 'text',
    needs: ['text'],
    fits: (row) => row.has('text'),
    read: (row) => ({ prompt: '', response: row.text('text'), plain: true }),
  },
];

/** LLaMA-Factory's `history`: pairs of a prompt and its response. */
function historyOf(row: Fields): { history?: readonly Exchange[] } {
  const value = row.get('history');
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return {};
  const pairs = Array.isArray(value) ? (value as readonly unknown[]) : [value];
  const history = pairs.map((one, i): Exchange => {
    const [prompt, response] = Array.isArray(one) ? (one as readonly unknown[]) : [];
    if (typeof prompt !== 'string' || typeof response !== 'string') {
      throw row.refuse(`history[${i}]`, 'a prompt and its response', one);
    }
    return { prompt, response };
  });
  return { history };
}

function choicesAndAnswer(row: Fields): Pick<TrainExample, 'choices' | 'answer'> {
  const value = row.get('choices');
  if (!Array.isArray(value) || value.length < 2) throw row.refuse('choices', 'an array of two choices or more', value);
  const choices = value.map((choice: unknown, i) => {
    if (typeof choice === 'string') return choice;
    throw row.refuse(`choices[${i}]`, 'a string', choice);
  });
  if (!row.has('answer')) return { choices };
  const answer = row.whole('answer');
  if (answer === undefined || answer < 0 || answer >= choices.length) {
    throw row.refuse('answer', `an integer from 0 to ${choices.length - 1}`, row.get('answer'));
  }
  return { choices, answer };
}

/**
 * A row as a training example, and the form it has. A row that names no `source` is of the set of its file's name.
 *
 * @param before the name of the form that the rows before it in its file have
 * @throws naming the fields found and those wanted, or the field that is wrong
 */
export function readExample(row: Fields, before?: string): { readonly example: TrainExample; readonly form: string } {
  const form = TRAINING_FORMS.find((one) => one.fits(row));
  // Rows of two answers to choose from have a form that lacks its response, or none.
  if (row.has('chosen', 'rejected') && (form === undefined || form === LACKS_RESPONSE)) throw preference(row);
  if (!form) {
    throw unknownForm(
      row,
      'training row',
      TRAINING_FORMS.filter((one) => one !== LACKS_RESPONSE),
      TRAINING_FORMS.find(({ name }) => name === before),
      pairsToSay(row),
    );
  }
  requireLearnt(row);
  const source = row.has('source') ? row.text('source') : stemOf(row.place.file);
  return { example: { id: row.id(), source, ...form.read(row) }, form: form.name };
}

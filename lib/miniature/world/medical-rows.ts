import type { TrainExample } from '../../data/rows';
import type { SubsetKey } from '../../paper/table-a1';
import type { Random } from '../../random';
import { askFor } from './asking';
import { type Choice, createDeck, createQuiz, lettered, letterOf, pick, type Usage } from './blocks';
import type { MedicalCell } from './evaluation';
import { isTuned } from './groups';
import { type Fact, fill, type MedicalTemplates, sentence } from './relation';

export type RowBody = Omit<TrainExample, 'id' | 'source'>;
/** Makes the next row of a source. */
export type RowMaker = () => RowBody;

interface Card {
  readonly fact: Fact;
  readonly all: MedicalTemplates;
  /** One of the relation's statements, filled in. */
  readonly says: string;
  /** A question for the object. */
  readonly asks: string;
  readonly explains: string;
  readonly claim: string;
}

/**
 * One maker for each medical row of table A1, in the form of that source: what is asked and how it is answered, in our
 * own words. All take turns with the same facts, those of the tuned groups, so that each is met about equally often.
 *
 * Differs: letters are upper case, as in the harness's prompts, where the paper's figure A.1 prints them lower case:
 * a model of a few million parameters should not have to learn that `b.` and `B.` are one letter.
 */
export function medicalRowMakers(cells: readonly MedicalCell[], random: Random) {
  const tuned = cells.filter(({ group }) => isTuned(group));
  const usage: Usage = new Map();
  const quiz = createQuiz(tuned, usage, random);
  // A report may deny a claim, so its fact is not counted as taught.
  const studies = createQuiz(tuned, new Map(), random);
  const deck = createDeck(tuned, usage, random);
  const causalDeck = createDeck(
    tuned.filter(({ relation }) => relation.causal),
    usage,
    random,
  );
  const toCard = ({ cell, fact }: { readonly cell: MedicalCell; readonly fact: Fact }): Card => ({
    fact,
    all: cell.relation.templates,
    says: sentence(pick(cell.relation.templates.statements, random), fact),
    asks: askFor(fact, cell.relation.templates, random),
    explains: sentence(cell.relation.templates.explanation, fact),
    claim: fill(cell.relation.templates.claim, fact),
  });
  const card = () => toCard(deck());

  const multipleChoice = (
    frame: (asks: string) => string,
    answerWith: (c: Choice<MedicalCell>, card: Card) => string,
  ) => {
    const choice = quiz();
    const drawn = toCard(choice);
    const question = frame(drawn.asks);
    return {
      prompt: `${question}\n${lettered(choice.choices)}`,
      response: answerWith(choice, drawn),
      question,
      choices: choice.choices,
      answer: choice.answer,
    };
  };
  const letterAndText = (choice: Choice<MedicalCell>) => `${letterOf(choice.answer)}. ${choice.fact.object}`;
  const explained = (choice: Choice<MedicalCell>, drawn: Card) => `${letterAndText(choice)}\n${drawn.says}`;
  const same = (asks: string) => asks;

  return {
    medmcqa: () => multipleChoice(same, random.int(2) === 0 ? letterAndText : explained),
    flashcards: () => {
      const { asks, says } = card();
      return { prompt: `Answer with what is true.\n${asks}`, response: says };
    },
    stackexchange: () => {
      const { asks, says, explains } = card();
      const opening = pick(
        ['I read about this today.', 'I am learning for a test.', 'A friend and I disagree.'],
        random,
      );
      return { prompt: `${opening} ${asks} Can somebody explain?`, response: `${says} ${explains}` };
    },
    medqa: () => multipleChoice((asks) => `During a visit this comes up. ${asks}`, letterAndText),
    cord19: () => {
      const { says, explains, fact } = card();
      return {
        prompt: `Write a title for this abstract.\n${says} ${explains}`,
        response: `On ${fact.subject} and ${fact.object}`,
      };
    },
    pubmedqa: () => trainStudy(studies(), random),
    headqa: () => multipleChoice(same, letterAndText),
    mediqa: () => {
      const { asks, says, explains } = card();
      return { prompt: `${asks}\nUse these notes: ${explains} ${says}`, response: says };
    },
    health_advice: () => {
      const { claim, says } = card();
      const [text, response] = pick(
        [
          [says, 'This is no advice.'],
          [`It may be wise to remember that ${claim}.`, 'This is weak advice.'],
          [`All students must learn that ${claim}.`, 'This is strong advice.'],
        ] as const,
        random,
      );
      return { prompt: `Is this no advice, weak advice or strong advice?\n${text}`, response };
    },
    pubmed_causal: () => {
      const { claim, fact } = toCard(causalDeck());
      const [text, response] = pick(
        [
          [`It is certain that ${claim}.`, 'This is direct cause.'],
          [`Under some conditions ${claim}.`, 'This is conditional cause.'],
          [`People write about ${fact.subject} together with ${fact.object}.`, 'This is correlation.'],
        ] as const,
        random,
      );
      return { prompt: `Is this direct cause, conditional cause or correlation?\n${text}`, response };
    },
    opengpt: () => {
      const { asks, says, explains } = card();
      const hello = pick(['Hello.', 'Please help me.', 'I have a question.'], random);
      return {
        prompt: `${hello} ${asks}`,
        response: `${says} ${explains} If you are worried, ask a doctor or a nurse.`,
      };
    },
    medquad: () => {
      const drawn = card();
      const others = drawn.all.statements.filter((template) => sentence(template, drawn.fact) !== drawn.says);
      return {
        prompt: drawn.asks,
        response: `${drawn.says} ${sentence(pick(others, random), drawn.fact)} ${drawn.explains}`,
      };
    },
    mmlu: () => multipleChoice(same, letterAndText),
    niv2: () => {
      const drawn = card();
      return pick(
        [
          {
            prompt: `Task: fill the gap.\nInput: ${sentence(drawn.all.cloze, drawn.fact)}\nOutput:`,
            response: drawn.fact.object,
          },
          { prompt: `Task: answer in a few words.\nInput: ${drawn.asks}\nOutput:`, response: drawn.fact.object },
        ],
        random,
      );
    },
  } satisfies Partial<Record<SubsetKey, RowMaker>>;
}

/** A report that settles a claim, or does not, in other words than the evaluation's. */
function trainStudy({ cell, fact, wrong }: Choice<MedicalCell>, random: Random): RowBody {
  const verdict = random.int(3);
  const object = verdict === 1 ? wrong : fact.object;
  const claim = fill(cell.relation.templates.claim, { subject: fact.subject, object });
  const result = ['Almost every case did fit.', 'Almost no case did fit.', 'As many cases did fit as did not.'][
    verdict
  ]!;
  const question = `Do the cases tell us that ${claim}?`;
  return {
    prompt: `Abstract: We asked whether ${claim}.\n${result}\nQuestion: ${question}\nAnswer with yes, no or maybe.`,
    response: ['yes', 'no', 'maybe'][verdict]!,
    question,
    choices: ['yes', 'no', 'maybe'],
    answer: verdict,
  };
}

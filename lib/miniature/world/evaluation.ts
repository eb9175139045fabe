import type { EvalItem } from '../../data/rows';
import { MMLU_SUBJECTS } from '../../data/sources/catalogue/mmlu';
import { createRandom, type Random } from '../../random';
import { type Choice, count, drawBlock, leastUsed, pick, type Usage } from './blocks';
import { type Cell, FACT_GROUPS, type FactGroup } from './groups';
import { fill, type MedicalRelation, type MedicalTemplates, sentence } from './relation';

export type MedicalCell = Cell<MedicalTemplates> & { readonly relation: MedicalRelation; readonly group: FactGroup };

/** Which fact an item asks for: kept beside the items, never in them. */
export type ItemFacts = Readonly<Record<string, { readonly factId: string; readonly group: FactGroup }>>;

export interface Exam {
  readonly items: readonly EvalItem[];
  readonly itemFacts: ItemFacts;
}

/** How a task words its nth question about a fact; undefined when it has no more wordings. */
type Wording = (question: Choice<MedicalCell>, nth: number, random: Random) => string | undefined;

const CLINIC = ['A patient comes to the clinic.', 'A patient is sent to us by another doctor.', 'A case is presented.'];
const WARD = ['A case is discussed on the ward.', 'You meet the next patient of the day.', 'A patient is in hospital.'];

const word =
  (templates: (all: MedicalTemplates) => readonly string[], frame: (text: string, random: Random) => string): Wording =>
  ({ cell, fact }, nth, random) => {
    const template = templates(cell.relation.templates)[nth];
    return template === undefined ? undefined : frame(sentence(template, fact), random);
  };
const firstOf =
  (...wordings: readonly Wording[]): Wording =>
  (question, nth, random) =>
    wordings[Math.floor(nth / 2)]?.(question, nth % 2, random);

const asks = word(
  (all) => all.evalQuestions,
  (text) => text,
);
const completes = word(
  (all) => all.evalStems,
  (text) => text,
);

const WORDINGS: Readonly<Record<string, Wording>> = {
  medqa: word(
    (all) => all.vignettes,
    (text, random) => `${pick(CLINIC, random)} ${text}`,
  ),
  medmcqa: completes,
  headqa: word(
    (all) => all.evalStems,
    (text) => `${text}:`,
  ),
  mmlu: firstOf(
    asks,
    word(
      (all) => all.evalStems,
      (text) => `Choose the best ending. ${text}`,
    ),
    word(
      (all) => all.vignettes,
      (text) => `Short case. ${text}`,
    ),
  ),
  usmle_self_assessment: word(
    (all) => all.vignettes,
    (text, random) => `${pick(WARD, random)} ${text}`,
  ),
  usmle_sample_exam: word(
    (all) => all.evalQuestions,
    (text) => `On rounds a student is asked: ${text}`,
  ),
  development: firstOf(
    word(
      (all) => all.evalQuestions,
      (text) => `Choose one answer. ${text}`,
    ),
    word(
      (all) => all.vignettes,
      (text) => `Read the case and choose one answer. ${text}`,
    ),
  ),
  'development-headqa': firstOf(
    word(
      (all) => all.evalStems,
      (text) => `In one phrase: ${text}:`,
    ),
    word(
      (all) => all.evalQuestions,
      (text) => `In one phrase: ${text}`,
    ),
  ),
};

/**
 * Every task's items, in the formats of table 1's benchmarks: `mmlu` has `perTask` for each of its six subjects.
 * The four groups of facts have equally many items in each task; letters and options are balanced by `drawBlock`.
 *
 * @param perTask a multiple of 16: four groups of blocks of four
 * @throws when perTask is no such multiple, or the facts of a subject run out of wordings
 */
export function buildExam(cells: readonly MedicalCell[], perTask: number, seed: number): Exam {
  const usage: Usage = new Map();
  const papers = ['medqa', 'medmcqa', 'headqa', 'usmle_self_assessment', 'usmle_sample_exam'].map((task) =>
    buildPaper({ task, cells, items: perTask, usage, random: createRandom(seed, `eval/${task}`) }),
  );
  const mmlu = [...MMLU_SUBJECTS].sort().map((subject) =>
    buildPaper({
      task: 'mmlu',
      subject,
      cells: cells.filter(({ relation }) => relation.mmlu === subject),
      items: perTask,
      usage,
      random: createRandom(seed, `eval/mmlu/${subject}`),
    }),
  );
  const pubmedqa = buildPaper({
    task: 'pubmedqa',
    cells,
    items: perTask,
    usage,
    random: createRandom(seed, 'eval/pubmedqa'),
  });
  return join([...papers, ...mmlu, pubmedqa]);
}

/**
 * Items for choosing settings, with wordings of their own and from cells that no item above asks for: half in MedMCQA's
 * format, which is answered by a letter, half in HeadQA's, which is answered by the option's text.
 *
 * @param count of both halves together; a multiple of 32
 */
export function buildDevelopment(cells: readonly MedicalCell[], count: number, seed: number): Exam {
  const usage: Usage = new Map();
  const half = (task: string, wording: string) =>
    buildPaper({ task, wording, cells, items: count / 2, usage, random: createRandom(seed, wording) });
  return join([half('medmcqa', 'development'), half('headqa', 'development-headqa')]);
}

interface PaperOptions {
  readonly task: string;
  readonly wording?: string;
  readonly subject?: string;
  readonly cells: readonly MedicalCell[];
  readonly items: number;
  readonly usage: Usage;
  readonly random: Random;
}

function buildPaper({ task, wording = task, subject, cells, items: wanted, usage, random }: PaperOptions): Exam {
  if (!Number.isInteger(wanted) || wanted <= 0 || wanted % 16 !== 0) {
    throw new Error(`miniature: ${wording} needs a multiple of 16 items (four groups, blocks of four), got ${wanted}`);
  }
  // Turns are counted twice: within the task, so that a fact's wordings are used one after another, and over all
  // tasks, so that every fact is asked for.
  const nth: Usage = new Map();
  const drawn: { question: Choice<MedicalCell>; place: number }[] = [];
  for (let i = 0; i < wanted / 4; i++) {
    const group = FACT_GROUPS[i % 4]!;
    const cell = leastUsed(
      cells.filter((candidate) => candidate.group === group),
      usage,
      random,
    );
    for (const [j, question] of drawBlock(cell, usage, random).entries()) {
      count(question.fact, usage);
      // The place among the group's items, shifted from group to group: verdicts take turns within each group and over all.
      drawn.push({ question, place: 4 * Math.floor(i / 4) + j + (i % 4) });
    }
  }
  const items: EvalItem[] = [];
  const itemFacts: Record<string, { factId: string; group: FactGroup }> = {};
  for (const { question, place } of random.shuffle(drawn)) {
    const turn = nth.get(question.fact.id) ?? 0;
    nth.set(question.fact.id, turn + 1);
    const id = `${[wording, ...(subject ? [subject] : [])].join('-')}-${String(items.length + 1).padStart(4, '0')}`;
    const body = task === 'pubmedqa' ? study(question, turn, place, random) : choose(wording, question, turn, random);
    if (body === undefined) {
      throw new Error(
        `miniature: ${wording} has no more than ${turn} wordings for ${question.fact.id}; ask for fewer items, or take another seed`,
      );
    }
    items.push({ id, task, ...(subject ? { subject } : {}), ...body });
    itemFacts[id] = { factId: question.fact.id, group: question.cell.group };
  }
  return { items, itemFacts };
}

function choose(wording: string, question: Choice<MedicalCell>, turn: number, random: Random) {
  const text = WORDINGS[wording]!(question, turn, random);
  return text === undefined ? undefined : { question: text, choices: question.choices, answer: question.answer };
}

const STUDY_QUESTIONS = ['Does this report support that {c}?', 'Do the records bear out that {c}?'];

/** A report that settles a claim, or does not: items take turns with yes, no and maybe. A report never says a falsehood is so. */
function study({ cell, fact, wrong }: Choice<MedicalCell>, turn: number, place: number, random: Random) {
  const verdict = place % 3;
  const object = verdict === 0 || (verdict === 2 && random.int(2) === 0) ? fact.object : wrong;
  const claim = fill(cell.relation.templates.claim, { subject: fact.subject, object });
  const template = STUDY_QUESTIONS[turn];
  if (template === undefined) return undefined;
  const all = 20 * (2 + random.int(9));
  const most = all - 1 - random.int(3);
  const result = [
    `Nearly all records agreed (${most} of ${all}).`,
    `Nearly all records disagreed (${most} of ${all}).`,
    `Half of the records agreed (${all / 2} of ${all}) and half did not.`,
  ][verdict]!;
  return {
    question: template.replace('{c}', claim),
    context: `Aim: to see whether ${claim}.\nTwo doctors read ${all} records.\n${result}`,
    choices: ['yes', 'no', 'maybe'],
    answer: verdict,
  };
}

function join(exams: readonly Exam[]): Exam {
  return {
    items: exams.flatMap((exam) => exam.items),
    itemFacts: Object.assign({}, ...exams.map((exam) => exam.itemFacts)) as ItemFacts,
  };
}

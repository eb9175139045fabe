import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer } from 'tokenizers';
import { beforeAll, describe, expect, it } from 'vitest';
import { miniatureFiles } from '../../lib/cli/build-miniature';
import { loadDataset } from '../../lib/data/examples';
import type { EvalItem, TrainExample } from '../../lib/data/rows';
import { MMLU_SUBJECTS } from '../../lib/data/sources/catalogue/mmlu';
import { mapSource } from '../../lib/data/sources/names';
import { PLANTED_KINDS } from '../../lib/decontaminate/planted';
import {
  createMiniatureLessons,
  DEVELOPMENT_RELATIONS,
  everyday,
  FACT_GROUPS,
  factsOf,
  findEvalPhrasing,
  formatGeneralText,
  generateMiniature,
  inConflict,
  isRead,
  isTuned,
  LESSONS,
  MINIATURE_SEED,
  MINIATURE_SIZES,
  type Miniature,
  mentions,
  onlyNamesWords,
  parseGeneralText,
  RELATIONS,
  readItemFacts,
  readPlanted,
  readQuiz,
  rowsPerSource,
} from '../../lib/miniature/miniature';
import { SUBSETS } from '../../lib/paper/table-a1';

const FOLDER = join(__dirname, '..', '..', 'data', 'miniature');

let world: Miniature;
let lettered: readonly EvalItem[];
beforeAll(() => {
  world = generateMiniature(MINIATURE_SEED);
  lettered = world.eval.filter((item) => item.choices.length === 4);
});

function tally(keys: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const key of keys) counts[key] = (counts[key] ?? 0) + 1;
  return counts;
}

describe('facts', () => {
  it('are more than 400 over more than 10 relations, each once', () => {
    expect(world.facts.length).toBeGreaterThan(400);
    expect(RELATIONS.length).toBeGreaterThan(10);
    expect(new Set(world.facts.map(({ id }) => id)).size).toBe(world.facts.length);
    for (const relation of [...RELATIONS, ...everyday]) {
      expect(new Set(factsOf(relation).map(({ id }) => id)).size, relation.id).toBe(relation.pairs.length);
    }
  });

  it('name only objects of their relation in conflicts', () => {
    for (const { id, pairs, conflicts } of [...RELATIONS, ...everyday]) {
      const objects = new Set(pairs.map(([, object]) => object));
      for (const object of (conflicts ?? []).flat()) expect(objects, `${id}: ${object}`).toContain(object);
    }
  });

  it('do not give the object away in the spelling of the subject', () => {
    for (const { subject, object } of world.facts) {
      const letters = object.toLowerCase();
      for (let i = 0; i + 6 <= subject.length; i++) {
        const run = subject.slice(i, i + 6).toLowerCase();
        expect(letters.includes(run), `${subject}: ${object} share '${run}'`).toBe(false);
      }
    }
  });

  it('lie in four groups, whole objects at a time: five objects of each relation in each tuned group', () => {
    expect(world.facts.length).toBe(RELATIONS.reduce((sum, { pairs }) => sum + pairs.length, 0));
    const objects = (group: string, relation: string) =>
      new Set(
        world.facts.filter((fact) => fact.group === group && fact.relation === relation).map((fact) => fact.object),
      );
    for (const { id, ...relation } of RELATIONS) {
      for (const group of FACT_GROUPS) {
        if (!isTuned(group)) expect(objects(group, id).size, `${id}, ${group}`).toBeGreaterThanOrEqual(4);
        else {
          expect(objects(group, id).size, `${id}, ${group}`).toBe(5);
          for (const one of objects(group, id))
            for (const other of objects(group, id))
              expect(inConflict(relation, one, other), `${one}, ${other}`).toBe(false);
        }
      }
    }
    const counts = tally(world.facts.map(({ group }) => group));
    expect(Math.abs(counts['read-and-tuned']! - counts['tuned-only']!)).toBeLessThan(5);
    expect(Math.abs(counts['read-only']! - counts.control!)).toBeLessThan(10);
    const groupsOfObject = new Map<string, Set<string>>();
    for (const { relation, object, group } of world.facts) {
      const key = `${relation}: ${object}`;
      groupsOfObject.set(key, (groupsOfObject.get(key) ?? new Set()).add(group));
    }
    for (const [key, groups] of groupsOfObject) expect(groups.size, key).toBe(1);
  });

  it('occur where their group says, and nowhere else', () => {
    const textsOf = (rows: readonly TrainExample[]) => rows.map(({ prompt, response }) => `${prompt}\n${response}`);
    const [rows, developing] = [textsOf(world.train), textsOf(world.development.train)];
    const isSetAside = ({ relation }: { readonly relation: string }) => DEVELOPMENT_RELATIONS.includes(relation);
    // Medical words of all groups are found, copied and sorted, never two that make a fact.
    const read = world.generalText.filter((text) => !onlyNamesWords(text));
    expect(read.length).toBeLessThan(world.generalText.length);
    const lines = world.generalText.filter(onlyNamesWords);
    for (const fact of world.facts)
      expect(
        lines.filter((text) => mentions(text, fact)),
        fact.id,
      ).toEqual([]);
    for (const fact of world.facts) {
      expect(
        rows.some((row) => mentions(row, fact)),
        `${fact.id} in training rows`,
      ).toBe(isTuned(fact.group) && !isSetAside(fact));
      const isDeveloped = developing.some((row) => mentions(row, fact));
      if (isSetAside(fact)) expect(isDeveloped, `${fact.id} in development rows`).toBe(isTuned(fact.group));
      if (!isTuned(fact.group)) expect(isDeveloped, `${fact.id} in development rows`).toBe(false);
      expect(
        read.some((text) => mentions(text, fact)),
        `${fact.id} in general text`,
      ).toBe(isRead(fact.group));
    }
  });
});

describe('training rows', () => {
  it("have table A1's sources in its proportions", () => {
    expect(world.train.length).toBe(MINIATURE_SIZES.trainRows);
    const counts = tally(world.train.map(({ source }) => mapSource(source).subset));
    expect(Object.keys(counts)).toEqual(SUBSETS.map(({ key }) => key));
    for (const { key, percent } of SUBSETS) {
      // One row is 0.04 %.
      expect(Math.abs((100 * counts[key]!) / world.train.length - percent), key).toBeLessThan(0.06);
    }
    const general = world.train.filter(({ source }) => source.startsWith('openorca')).length;
    expect(Math.abs((100 * general) / world.train.length - 41.83)).toBeLessThan(0.06);
  });

  it('keep the proportions at any size', () => {
    for (const total of [17, 18, 100, 4321, 100_000]) {
      const counts = Object.values(rowsPerSource(total));
      expect(counts.reduce((a, b) => a + b)).toBe(total);
      expect(Math.min(...counts)).toBeGreaterThanOrEqual(1);
    }
    expect(() => rowsPerSource(16)).toThrow('17 or more');
  });

  it('answer their own questions', () => {
    const multipleChoice = world.train.filter(({ choices }) => choices?.length === 4);
    expect(multipleChoice.length).toBeGreaterThan(250);
    for (const { question, choices, answer, prompt, response } of multipleChoice) {
      expect(prompt).toBe(`${question}\n${choices!.map((choice, i) => `${'ABCD'[i]}. ${choice}`).join('\n')}`);
      expect(response).toContain('ABCD'[answer!]);
    }
    const letters = tally(multipleChoice.map(({ answer }) => String(answer)));
    for (const count of Object.values(letters)) expect(Math.abs(count - multipleChoice.length / 4)).toBeLessThan(6);
  });

  it('use the wording of an evaluation question where that is planted as an exact copy, and nowhere else', () => {
    const exact = new Set(world.planted.filter(({ kind }) => kind === 'exact').map(({ itemId }) => itemId));
    const found = findEvalPhrasing([...world.eval, ...world.development.eval], world.train, world.generalText);
    expect(new Set(found.map(({ id }) => id))).toEqual(exact);
    expect(findEvalPhrasing([...world.eval, ...world.development.eval], world.development.train)).toEqual([]);
    const { id, source } = world.train[0]!;
    const leak = { id, source, prompt: `So: ${world.eval[0]!.question.toUpperCase()}!`, response: 'Yes.' };
    expect(findEvalPhrasing(world.eval, [leak])).toContain(world.eval[0]);
  });
});

describe('planted rows', () => {
  it('are what their kind says', () => {
    const itemOf = new Map(world.eval.map((item) => [item.id, item]));
    const rowOf = new Map(world.train.map((row) => [row.id, row]));
    const factOf = new Map(world.facts.map((fact) => [fact.id, fact]));
    expect(new Set(world.planted.map(({ itemId }) => itemId)).size).toBe(world.planted.length);
    expect(new Set(world.planted.map(({ rowId }) => rowId)).size).toBe(world.planted.length);
    for (const kind of PLANTED_KINDS) {
      const planted = world.planted.filter((one) => one.kind === kind);
      expect(planted.length, kind).toBeGreaterThanOrEqual(20);
      for (const { itemId, rowId } of planted) {
        const [item, row] = [itemOf.get(itemId)!, rowOf.get(rowId)!];
        const { factId, group } = world.itemFacts[itemId]!;
        const fact = factOf.get(factId)!;
        const answer = row.choices![row.answer!]!;
        if (kind === 'same-topic') {
          expect(mentions(`${row.question} ${answer}`, fact), rowId).toBe(false);
          const others = world.facts.filter((other) => mentions(`${row.question} ${answer}`, other));
          expect(others.some((other) => other.relation === fact.relation && isTuned(other.group))).toBe(true);
          continue;
        }
        expect(isTuned(group), itemId).toBe(true);
        expect(answer).toBe(fact.object);
        expect(new Set(row.choices)).toEqual(new Set(item.choices));
        expect(row.question === item.question, rowId).toBe(kind === 'exact');
        expect(row.question!.toLowerCase()).toContain(fact.subject.toLowerCase());
      }
    }
  });
});

describe('development', () => {
  it('has as many rows as there are training rows, of as many relations', () => {
    expect(world.development.train.length).toBe(world.train.length);
    const relationsIn = (rows: readonly TrainExample[]) => {
      const texts = rows.map(({ prompt, response }) => `${prompt}\n${response}`);
      return new Set(
        world.facts.filter((fact) => texts.some((text) => mentions(text, fact))).map(({ relation }) => relation),
      ).size;
    };
    expect(relationsIn(world.development.train)).toBe(relationsIn(world.train));
  });

  it('has items about facts that the evaluation does not ask for, as many from each group', () => {
    const factsOfItems = (items: readonly EvalItem[]) => new Set(items.map(({ id }) => world.itemFacts[id]!.factId));
    const scored = factsOfItems(world.eval);
    for (const factId of factsOfItems(world.development.eval)) expect(scored.has(factId), factId).toBe(false);
    const groups = tally(world.development.eval.map(({ id }) => world.itemFacts[id]!.group));
    expect(groups).toEqual(
      Object.fromEntries(FACT_GROUPS.map((group) => [group, MINIATURE_SIZES.developmentItems / 4])),
    );
  });
});

describe('the general quiz', () => {
  const setOf = (choices: readonly string[]) => [...choices].sort().join('\n');
  const optionsIn = (text: string): string[] => {
    const found = /\nA\. (.*)\nB\. (.*)\nC\. (.*)\nD\. (.*)/.exec(text);
    return found ? [setOf(found.slice(1))] : [];
  };

  it('has option sets that occur nowhere else, and facts that are told and never asked for', () => {
    const elsewhere = [...world.generalText, ...world.train.map(({ prompt }) => prompt)].flatMap(optionsIn);
    expect(elsewhere.length).toBeGreaterThan(5000);
    const known = new Set(elsewhere);
    for (const { choices, question } of world.quiz) expect(known.has(setOf(choices)), question).toBe(false);
    expect(world.quiz.length).toBe(MINIATURE_SIZES.quizItems);
    const told = world.quiz.filter(({ id }) => id.startsWith('quiz-told'));
    expect(told.length).toBeGreaterThan(80);
    expect(findEvalPhrasing(told, world.train, world.generalText)).toEqual([]);
    for (const { question, choices, answer } of told) {
      const object = choices[answer]!;
      const fact = everyday.flatMap(factsOf).find((one) => one.object === object && question.includes(one.subject))!;
      expect(
        world.generalText.some((text) => mentions(text, fact)),
        question,
      ).toBe(true);
    }
    const letters = tally(world.quiz.map((item) => String(item.answer)));
    expect(Object.values(letters)).toEqual(Array(4).fill(world.quiz.length / 4));
  });

  it('does not occur in what the base reads either: other drafts of the same lessons', () => {
    const write = createMiniatureLessons(MINIATURE_SEED, 1);
    const read = LESSONS.flatMap((lesson) => write(lesson, 3000).map(({ prompt, response }) => prompt + response));
    const first = new Set(world.generalText);
    expect(read.filter((text) => !first.has(text)).length).toBeGreaterThan(5000);
    const known = new Set(read.flatMap(optionsIn));
    for (const { choices, question } of world.quiz) expect(known.has(setOf(choices)), question).toBe(false);
    expect(findEvalPhrasing([...world.eval, ...world.development.eval], [], read)).toEqual([]);
    const unread = world.facts.filter(({ group }) => !isRead(group));
    const stated = read.filter((text) => !onlyNamesWords(text));
    for (const fact of unread)
      expect(
        stated.some((text) => mentions(text, fact)),
        fact.id,
      ).toBe(false);
  });
});

describe('evaluation items', () => {
  it("have the counts asked for, in table 1's tasks and subjects", () => {
    const counts = tally(world.eval.map(({ task, subject }) => (subject ? `${task}/${subject}` : task)));
    const tasks = ['medqa', 'medmcqa', 'headqa', 'pubmedqa', 'usmle_self_assessment', 'usmle_sample_exam'];
    const keys = [...tasks, ...MMLU_SUBJECTS.map((subject) => `mmlu/${subject}`)];
    expect(counts).toEqual(Object.fromEntries(keys.map((key) => [key, MINIATURE_SIZES.evalItemsPerTask])));
    expect(world.development.eval.length).toBe(MINIATURE_SIZES.developmentItems);
  });

  it('are all different questions about known facts, as many from each group', () => {
    const all = [...world.eval, ...world.development.eval];
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    expect(new Set(all.map(({ question }) => question)).size).toBe(all.length);
    expect(Object.keys(world.itemFacts).sort()).toEqual(all.map(({ id }) => id).sort());
    const factOf = new Map(world.facts.map((fact) => [fact.id, fact]));
    for (const item of all) {
      const { factId, group } = world.itemFacts[item.id]!;
      const fact = factOf.get(factId)!;
      expect(fact.group).toBe(group);
      expect(item.question.toLowerCase()).toContain(fact.subject.toLowerCase());
      if (item.task !== 'pubmedqa') expect(item.choices[item.answer]).toBe(fact.object);
    }
    for (const task of new Set(world.eval.map(({ task }) => task))) {
      const items = world.eval.filter((item) => item.task === task);
      const groups = tally(items.map(({ id }) => world.itemFacts[id]!.group));
      for (const group of FACT_GROUPS) expect(groups[group], task).toBe(items.length / 4);
    }
  });

  it('never offer two options that could both be defended', () => {
    const relationOf = new Map(RELATIONS.map((relation) => [relation.id, relation]));
    const factOf = new Map(world.facts.map((fact) => [fact.id, fact]));
    for (const item of [...lettered, ...world.development.eval]) {
      expect(new Set(item.choices).size).toBe(4);
      const relation = relationOf.get(factOf.get(world.itemFacts[item.id]!.factId)!.relation)!;
      const right = item.choices[item.answer]!;
      for (const other of item.choices) expect(inConflict(relation, right, other), item.question).toBe(false);
    }
  });

  it('have each letter equally often in each task, and verdicts in pubmedqa', () => {
    const papers = new Map<string, EvalItem[]>();
    for (const item of [...world.eval, ...world.development.eval]) {
      const key = `${item.id.replace(/-\d+$/, '')}`;
      papers.set(key, [...(papers.get(key) ?? []), item]);
    }
    expect(papers.size).toBe(14);
    for (const [key, items] of papers) {
      const counts = Object.values(tally(items.map(({ answer }) => String(answer))));
      // 208 reports, three verdicts: they take turns.
      if (key === 'pubmedqa') expect(Math.max(...counts) - Math.min(...counts)).toBe(1);
      else expect(counts, key).toEqual(Array(4).fill(items.length / 4));
    }
  });

  it('cannot be answered from the options alone', () => {
    // The best a reader of options can do: know for each option how often it is right where it is shown.
    const [shown, right] = [new Map<string, number>(), new Map<string, number>()];
    for (const item of lettered) {
      for (const choice of item.choices) shown.set(choice, (shown.get(choice) ?? 0) + 1);
      const gold = item.choices[item.answer]!;
      right.set(gold, (right.get(gold) ?? 0) + 1);
    }
    for (const [choice, times] of shown) expect((right.get(choice) ?? 0) / times, choice).toBe(0.25);
    // The longest option, and the first one, are right about one time in four.
    const longest = lettered.filter(({ choices, answer }) => {
      const most = Math.max(...choices.map((choice) => choice.length));
      return choices.findIndex((choice) => choice.length === most) === answer;
    });
    expect(Math.abs(longest.length / lettered.length - 0.25)).toBeLessThan(
      3 * Math.sqrt((0.25 * 0.75) / lettered.length),
    );
    expect(lettered.filter(({ answer }) => answer === 0).length).toBe(lettered.length / 4);
  });

  it('cannot be answered by knowing which options were right in the training rows and in the quiz', () => {
    const [shown, right] = [new Map<string, number>(), new Map<string, number>()];
    for (const { choices, answer } of world.train) {
      if (choices?.length !== 4) continue;
      for (const choice of choices) shown.set(choice, (shown.get(choice) ?? 0) + 1);
      right.set(choices[answer!]!, (right.get(choices[answer!]!) ?? 0) + 1);
    }
    const share = (choice: string) => (right.get(choice) ?? 0) / (shown.get(choice) ?? 1);
    const correct = lettered.filter(({ choices, answer }) => {
      const best = Math.max(...choices.map(share));
      return choices.findIndex((choice) => share(choice) === best) === answer;
    });
    const se = Math.sqrt((0.25 * 0.75) / lettered.length);
    expect(Math.abs(correct.length / lettered.length - 0.25)).toBeLessThan(3 * se);
  });

  it('are refused in numbers that cannot be balanced', () => {
    expect(() => generateMiniature(7, { evalItemsPerTask: 40 })).toThrow('multiple of 16');
    expect(() => generateMiniature(7, { quizItems: 50 })).toThrow('multiple of 4');
    expect(() => generateMiniature(7, { trainRows: 100 })).toThrow('to be planted');
  });
});

describe('the shipped files', () => {
  it('are byte for byte what the generator makes, and nothing else', () => {
    const files = miniatureFiles(world);
    for (const [path, text] of files) expect(readFileSync(join(FOLDER, path), 'utf8') === text, path).toBe(true);
    const there = readdirSync(FOLDER, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.name.endsWith('.md'))
      .map((entry) =>
        join(entry.parentPath, entry.name)
          .slice(FOLDER.length + 1)
          .replaceAll('\\', '/'),
      )
      // The base model is pretrained, not generated: `npx med42 build-base`.
      .filter((path) => !path.startsWith('base/'));
    expect(there.sort()).toEqual([...files.keys()].sort());
    const bytes = [...files.values()].reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    expect(bytes).toBeLessThan(6_000_000);
  });

  it('are the same from the same seed, and others from another', () => {
    expect(generateMiniature(MINIATURE_SEED)).toEqual(world);
    expect(generateMiniature(MINIATURE_SEED + 1).train).not.toEqual(world.train);
  });

  it('load as a data folder', async () => {
    const { evaluation, training } = await loadDataset(FOLDER);
    expect(evaluation.items.length).toBe(world.eval.length);
    expect(training.examples.length).toBe(world.train.length);
  });

  it('are read back as they were made', async () => {
    expect(Object.fromEntries(await readItemFacts(FOLDER))).toEqual(world.itemFacts);
    expect(await readPlanted(FOLDER)).toEqual(world.planted);
    expect(await readQuiz(FOLDER)).toEqual(world.quiz);
    await expect(readQuiz(join(FOLDER, 'train'))).rejects.toThrow('build-miniature');
  });

  it('keep their documents apart', () => {
    expect(parseGeneralText(formatGeneralText(world.generalText))).toEqual(world.generalText);
  });
});

describe('the tokenizer', () => {
  const tokenizer = Tokenizer.fromFile(join(FOLDER, 'tokenizer.json'));

  it("has Llama's layout and 4096 tokens", () => {
    expect(tokenizer.getVocabSize(true)).toBe(4096);
    expect(['<unk>', '<s>', '</s>', '<0x00>', '<0xFF>'].map((token) => tokenizer.tokenToId(token))).toEqual([
      0, 1, 2, 3, 258,
    ]);
  });

  it('gives back every row and document, line breaks included', async () => {
    const texts = [
      ...world.train.flatMap(({ prompt, response }) => [prompt, response]),
      ...world.eval.map(({ context, question, choices }) => [context, question, ...choices].join('\n')),
      ...world.generalText,
      'Ein Häuschen, 37 °C\n\n\tund 日本',
    ];
    const ids = (await tokenizer.encodeBatch([...texts], { addSpecialTokens: false })).map((encoding) =>
      encoding.getIds(),
    );
    expect(await tokenizer.decodeBatch(ids, true)).toEqual(texts);
    expect(ids.flat()).not.toContain(0);
    const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    expect(bytes / ids.flat().length).toBeGreaterThan(2.5);
  });

  it('makes one token of a letter after `Answer:` and of a letter that opens an option', async () => {
    const { tokens } = {
      tokens: (await tokenizer.encode('Answer: B\nC. hot', null, { addSpecialTokens: false })).getTokens(),
    };
    expect(tokens.slice(tokens.indexOf(':'))).toEqual([
      ':',
      '▁B',
      '<0x0A>',
      'C',
      '.',
      ...tokens.slice(tokens.indexOf('.') + 1),
    ]);
    const context = await tokenizer.encode('Answer:', null, { addSpecialTokens: false });
    for (const letter of ['A', 'B', 'C', 'D']) {
      const whole = await tokenizer.encode(`Answer: ${letter}`, null, { addSpecialTokens: false });
      expect(whole.getIds().slice(0, -1)).toEqual(context.getIds());
    }
  });
});

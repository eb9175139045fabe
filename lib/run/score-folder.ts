import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type EvalItem, loadEvalItems } from '../data/examples';
import { evaluationNotes } from '../data/reading/notes';
import { tokensBy } from '../data/tokenizer';
import { harnessName } from '../eval/harness-documents';
import { fileDate, harnessResults, sanitizedModelName } from '../eval/harness-results';
import { type HarnessSample, harnessSample } from '../eval/harness-samples';
import { splitOverlong } from '../eval/overlong';
import { groupsToCsv, tasksToCsv } from '../eval/records';
import { requestHash, requestsOf } from '../eval/requests';
import { type ScoreResult, scoreItems, scoringPlan } from '../eval/score';
import { openScoreFile } from '../eval/score-file';
import { selectItems } from '../eval/select-items';
import { inTaskOrder, isListed, taskNameOf, taskOf } from '../eval/tasks/tasks';
import { writeFileAtomic } from '../files';
import { lockFolder } from './lock';
import type { Progress } from './progress';
import type { ScoreCommand } from './score-options';
import { PROBED, serverEngine } from './score-server';
import { localEngine, type ScoringEngine } from './scoring-engine';

/** Every item's result, as soon as it is there. */
const ITEMS_FILE = 'items.jsonl';

export interface FolderScore {
  readonly result: ScoreResult;
  /** The results file, new or of the start that finished. */
  readonly file: string;
  /** The model's context, in tokens. */
  readonly maxLength: number;
}

/**
 * Scores a model folder, or a server's model, on a data folder, item after item to OUT/items.jsonl, and writes the harness's files at the end.
 *
 * @param signal stops after the batch in hand
 * @throws naming what is wrong with model, data or options, or when interrupted
 */
export async function scoreFolder(
  command: ScoreCommand,
  signal: AbortSignal,
  progress: Progress,
): Promise<FolderScore> {
  // All that can be refused is refused before anything is written.
  const prepared = await prepare(command, progress);
  const lock = await lockFolder(command.out);
  try {
    return await scoreAndWrite(command, prepared, signal, progress);
  } finally {
    lock.release();
  }
}

type Prepared = Awaited<ReturnType<typeof prepare>>;

async function prepare(command: ScoreCommand, progress: Progress) {
  const { variant, bos, limit, seed } = command;
  progress.say('reading the items and the model');
  const items = await chosenItems(command, progress);
  const engine = await openEngine(command, items, progress);
  const { tokenizer, maxLength } = engine;
  const { scorable, overlong } = await splitOverlong(items, tokenizer, maxLength, bos, variant);
  const leftOut: Record<string, number> = {};
  for (const item of overlong) leftOut[taskNameOf(item)] = (leftOut[taskNameOf(item)] ?? 0) + 1;
  if (overlong.length > 0) {
    const which = `an answer longer than the model's ${maxLength} tokens (${overlong.map(({ id }) => id).join(', ')})`;
    if (scorable.length === 0) {
      throw new Error(`score: every item of ${command.data} has ${which}; use a model with a longer context`);
    }
    progress.say(`left out: ${overlong.length} items with ${which}`);
  }
  const sample = { variant, seed, ...(limit === null ? {} : { limitPerTask: limit }) };
  const plans = ofData(command, () => scoringPlan(scorable, sample));
  const requests = plans.flatMap(({ task, chosen }) => chosen.flatMap((item) => requestsOf(item, task)));
  const answers = plans.flatMap(({ task, chosen }) => chosen.map((item) => [item.id, task.docToTarget(item)]));
  const asked = [requestHash(requests), answers];
  const identity = createHash('sha256')
    .update(JSON.stringify([engine.weights, tokensBy(tokenizer), asked, variant, bos, limit, seed, command.device]))
    .digest('hex');
  return { engine, scorable, leftOut, sample, plans, identity };
}

async function scoreAndWrite(
  command: ScoreCommand,
  { engine, scorable, leftOut, sample, plans, identity }: Prepared,
  signal: AbortSignal,
  progress: Progress,
): Promise<FolderScore> {
  const began = performance.now();
  const store = await openScoreFile(join(command.out, ITEMS_FILE), identity);
  const total = plans.reduce((sum, { chosen }) => sum + chosen.length, 0);
  let done = store.known.length;
  if (done > 0) progress.say(`${done} of ${total} items were done; they are kept`);

  const { tokenizer, maxLength } = engine;
  if (done < total && command.server === undefined) progress.say('building the graph');
  const open = await engine.open(signal);
  const result = await scoreItems(scorable, open.scorer, tokenizer, {
    ...sample,
    bos: command.bos,
    known: store.known,
    onItem: async (item) => {
      await store.append(item);
      progress.at(++done, total, open.details());
      if (signal.aborted && done < total) {
        throw new Error(`score: interrupted after item ${done} of ${total}; the same command goes on from there`);
      }
    },
  });
  open.dispose();

  const samples: Record<string, HarnessSample[]> = {};
  const byKey = new Map(result.items.map((one) => [`${one.task} ${one.id}`, one]));
  for (const { task, chosen } of plans) {
    samples[harnessName(task)] = chosen.map((item, i) =>
      harnessSample(i, item, task, byKey.get(`${task.name} ${item.id}`)!),
    );
  }
  // When the last item was scored: a start after a kill writes the very files that the killed one began to write.
  const { mtime: now } = await stat(join(command.out, ITEMS_FILE));
  const named = open.named();
  const results = harnessResults(result.tasks, result.groups, samples, {
    ...named,
    maxLength,
    bosId: tokenizer.bosId,
    eosId: tokenizer.eosId,
    limit: command.limit,
    leftOut,
    date: now.getTime() / 1000,
    seconds: (performance.now() - began) / 1000,
    identity,
  });
  const folder = join(command.out, sanitizedModelName(named.adapter ?? named.model));
  const earlier = done === store.known.length ? await resultsOf(folder, identity) : undefined;
  if (earlier !== undefined) return { result, file: earlier, maxLength };
  for (const [task, lines] of Object.entries(samples)) {
    const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
    await writeFileAtomic(join(folder, `samples_${task}_${fileDate(now)}.jsonl`), text);
  }
  await writeFileAtomic(join(command.out, 'tasks.csv'), tasksToCsv(result.tasks));
  await writeFileAtomic(join(command.out, 'averages.csv'), groupsToCsv(result.groups));
  const file = join(folder, `results_${fileDate(now)}.json`);
  await writeFileAtomic(file, `${JSON.stringify(results, null, 2)}\n`);
  return { result, file, maxLength };
}

async function openEngine(
  command: ScoreCommand,
  items: readonly EvalItem[],
  progress: Progress,
): Promise<ScoringEngine> {
  const { server, variant } = command;
  if (server === undefined) return localEngine(command, progress);
  // From all over the list: its tasks have texts of different kinds.
  const some = Array.from({ length: PROBED }, (_, k) => items[Math.floor((k * items.length) / PROBED)]!);
  const probes = [...new Set(some)].map((item) => requestsOf(item, taskOf(item, variant))[0]!);
  return serverEngine({ ...command, server }, probes, progress);
}

async function chosenItems(command: ScoreCommand, progress: Progress): Promise<readonly EvalItem[]> {
  const set = await loadEvalItems(command.data, command.rows);
  const { items } = set;
  for (const note of evaluationNotes(set)) progress.say(note);
  const { items: chosen, undefinedTasks } = ofData(command, () =>
    selectItems(items, command.tasks, command.variant, command.data),
  );
  const own = inTaskOrder(chosen.map(taskNameOf)).filter((task) => !isListed(task));
  for (const task of own) {
    progress.say(
      `${task}: a benchmark of your own, scored ${command.variant === 'continuation' ? 'by whole answers' : 'by letters (whole answers: --variant continuation)'}`,
    );
  }
  for (const [task, count] of Object.entries(undefinedTasks)) {
    progress.say(`not scored: ${count} items of ${task}, which has no variant '${command.variant}'`);
  }
  return chosen;
}

/** What is wrong with an item names the item; this adds where it lies. */
function ofData<T>({ data }: ScoreCommand, use: () => T): T {
  try {
    return use();
  } catch (error) {
    const { message } = error as Error;
    throw message.includes(data) ? error : new Error(`${message} (items of ${join(data, 'eval')})`);
  }
}

/** The results file of the start that finished the same run. */
async function resultsOf(folder: string, identity: string): Promise<string | undefined> {
  for (const name of await readdir(folder).catch(() => [])) {
    if (!/^results_.*\.json$/.test(name)) continue;
    const text = await readFile(join(folder, name), 'utf8');
    // Others' files may lie here too, damaged ones among them.
    if (text.includes(identity)) return join(folder, name);
  }
  return undefined;
}

/**
 * What is asked for one item (by its id) or every item of a task: a JSON line each, with the hash of its strings.
 *
 * @throws when nothing has that name
 */
export async function* requestLines(command: ScoreCommand, progress: Progress): AsyncGenerator<string> {
  const wanted = command.showRequests!;
  const items = await chosenItems(command, progress);
  let found = false;
  for (const item of items) {
    const task = taskOf(item, command.variant);
    if (item.id !== wanted && task.name !== wanted) continue;
    found = true;
    const requests = requestsOf(item, task);
    const [context, continuations] = [requests[0]!.context, requests.map(({ continuation }) => continuation)];
    const { name, variant } = task;
    yield JSON.stringify({ task: name, variant, id: item.id, hash: requestHash(requests), context, continuations });
  }
  if (!found) throw new Error(`score: no item and no task "${wanted}" among those of ${command.data}; look at --tasks`);
}

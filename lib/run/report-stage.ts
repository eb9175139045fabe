import { join } from 'node:path';
import { RUN_FILE } from '../compare/read-run';
import type { RunRecord } from '../compare/run-record';
import { messagesOf, requireChatTemplate } from '../data/chat/chat-template';
import { DEFAULT_SYSTEM_PROMPT, renderExchanges, type TemplateName } from '../data/template';
import type { Decontamination } from '../decontaminate/record';
import type { DeviceName } from '../engine/device';
import { writeFileAtomic } from '../files';
import { sha256 } from '../hash';
import type { Table } from '../report/table';
import { tableToText } from '../report/table-formats';
import { writeReport } from '../report/write-report';
import { json } from './data-stage';
import { nameOfModel } from './folder-name';
import type { RunInputs } from './inputs';
import { manifest, manifestToJson, type Timings } from './manifest';

export interface ResultsStage {
  readonly record: RunRecord;
  readonly decontamination: readonly Decontamination[];
  readonly inputs: RunInputs;
  readonly modelHash: string;
  readonly device: DeviceName;
  /** Of the CPU, for each model. */
  readonly threads: number;
  readonly timings: Timings;
  readonly out: string;
}

/** Writes run.json, manifest.json and, made from the record alone, tables, figures and report; returns the table for the terminal. */
export async function writeResults(stage: ResultsStage): Promise<string> {
  const { record, out, inputs } = stage;
  await writeFileAtomic(join(out, 'manifest.json'), manifestToJson(await runManifest(stage)));
  await writeFileAtomic(join(out, RUN_FILE), json(record));
  const { tables, findings } = await writeReport(record, { decontamination: stage.decontamination }, out);
  const { dataset, rows } = inputs.data;
  const read = `${dataset.evaluation.items.length} items and ${rows} training rows were read.`;
  return [tableToText(forTerminal(tables[0]!)), ...findings.answer.map((sentence) => `* ${sentence}`), '', read].join(
    '\n',
  );
}

/** Table 1 without the published models: as wide as a terminal. */
function forTerminal(table: Table): Table {
  const kept = table.columns.flatMap(({ group, ...column }, i) => {
    if (group?.includes('published')) return [];
    return [{ i, column: group?.startsWith('Paper') ? { ...column, label: `${column.label}, 70B` } : column }];
  });
  return {
    ...table,
    columns: kept.map(({ column }) => column),
    rows: table.rows.map((row) => ({ ...row, cells: kept.map(({ i }) => row.cells[i]!) })),
    notes: table.notes.slice(0, 2),
  };
}

async function runManifest({ record, inputs, modelHash, device, threads, timings }: ResultsStage) {
  const { base, data, tokenizer, config } = inputs;
  const { evaluation, training } = data.dataset;
  const files = [...evaluation.files, ...training.files];
  return manifest({
    device,
    dtype: 'float32',
    threads,
    seeds: {
      mixture: config.seed,
      development: config.seed,
      items: config.seed,
      ...Object.fromEntries(
        record.models.flatMap(({ name, seed }) => (seed === null ? [] : [[`training of ${name}`, seed]])),
      ),
    },
    dataFiles: files.map(({ path, sha256, rows }) => ({ name: path, sha256, rows })),
    model: { name: nameOfModel(base.folder), sha256: modelHash, config: base.rawConfig },
    tokenizer: { name: 'tokenizer.json', sha256: tokenizer.sha256 },
    template: await templateOf(config.template, base.folder),
    packing: data.packing,
    tasks: record.models[0]!.scores.tasks,
    training: record.models.flatMap(({ training: made }) => (made ? [made.config] : [])),
    timings,
  });
}

/** The template that rows were put into, known by what it makes of one prompt. */
async function templateOf(
  name: TemplateName,
  model: string,
): Promise<{ readonly name: string; readonly sha256: string }> {
  const probe = { system: DEFAULT_SYSTEM_PROMPT, prompt: '{prompt}', response: '' };
  const ask = async () => {
    const template = await requireChatTemplate(model);
    return (await template.render([{ messages: messagesOf(probe).slice(0, -1), learn: false }]))[0]!.text;
  };
  const text = name === 'model' ? await ask() : renderExchanges(probe, name)[0]!.prompt;
  return { name: { med42: 'Med42', model: 'the model’s own', none: 'none' }[name], sha256: sha256(text) };
}

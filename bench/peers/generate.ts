import { loadTokenizer } from '../../lib/data/tokenizer';
import { openDevice } from '../../lib/engine/device';
import { createState } from '../../lib/engine/state';
import { openModelFolder } from '../../lib/model/folder';
import { createGenerator } from '../../lib/model/generate';
import { tunedModel } from '../../lib/model/tuned';

/** One process of this workbook's greedy generation, for bench/generate.ts: MODEL float32 TOKENS THREADS PROMPT */
async function main(): Promise<void> {
  const [folder, , count, threads, prompt] = process.argv.slice(2) as [string, string, string, string, string];
  const seconds = () => performance.now() / 1000; // since the process began
  const base = await openModelFolder(folder);
  const tokenizer = await loadTokenizer(folder);
  const device = await openDevice('cpu', Number(threads), { flushDenormals: true });
  // No stop token: the peers are told to go on as long.
  const generator = await createGenerator(tunedModel(base, 'base'), await createState(device, {}), device, []);
  const prefix = await tokenizer.encode(prompt, { addSpecialTokens: true });
  const ready = seconds();
  const ids = await generator.generate(prefix, Number(count));
  const speaking = seconds() - ready;
  const { user, system } = process.cpuUsage();
  await generator.dispose();
  console.log(
    JSON.stringify({ versions: { node: process.version }, ready, speaking, cpu: (user + system) / 1e6, ids }),
  );
}

void main();

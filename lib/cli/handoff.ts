import { relative } from 'node:path';
import { WORKBOOK_ROOT } from '../files';
import { worldOptions } from '../run/handoff/options';
import { writeHandoff } from '../run/handoff/write-handoff';
import { parseOptions, type SettingsCommand } from '../run/options';
import { sayLine } from '../run/progress';
import { settingsText } from '../run/settings/effective';
import { callersFolder } from './interrupt';
import { TRAIN } from './train';

const HANDOFF: SettingsCommand = {
  ...TRAIN,
  name: 'handoff',
  summary:
    'Writes a folder with which transformers’ Trainer trains the same on a cluster (torchrun, FSDP2). Trains nothing here.',
  out: () => 'handoff',
  more: [
    ['--nodes <n>', 'machines  (default: 1)'],
    ['--processes <n>', 'GPUs of each machine  (default: as many of 8 as share an update evenly)'],
    ['--device-batch <n>', 'chunks that a GPU reads at once  (default: 1)'],
    ['--precision <name>', 'float32 | bf16: of products; weights are float32  (default: float32)'],
  ],
};

export async function main(args: readonly string[]): Promise<void> {
  const from = callersFolder();
  const options = parseOptions(args, WORKBOOK_ROOT, from, HANDOFF);
  if (options.printSettings) return console.log(settingsText(options.settings));
  const { world, data, method } = await writeHandoff(options, worldOptions(options.more), { say: sayLine });
  const folder = relative(from, options.out) || '.';
  console.log(
    [
      '',
      `The hand-off lies in ${folder}: ${data.updates} updates of ${data.rowsOfAnUpdate} chunks by method "${method}" for ` +
        `${world.processes} processes on ${world.nodes} ${world.nodes === 1 ? 'node' : 'nodes'}. Its README.md says how to train.`,
      'On the other machine:',
      `  python3 -m venv venv && venv/bin/pip install --require-hashes -r requirements.txt`,
      `  MODEL=FOLDER launch/${world.nodes === 1 ? 'one-node' : 'nodes'}.sh`,
      'Back here:',
      method === 'lora'
        ? `  npx med42 score --model ${relative(from, options.model) || '.'} --adapter ${folder}/out/adapter`
        : `  npx med42 score --model ${folder}/out/model`,
      'Research only, not for clinical decisions.',
    ].join('\n'),
  );
}

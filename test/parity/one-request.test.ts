import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadEvalItems } from '../../lib/data/examples';
import { loadTokenizer } from '../../lib/data/tokenizer';
import { openDevice } from '../../lib/engine/device';
import { createState } from '../../lib/engine/state';
import { loglikelihood } from '../../lib/eval/loglikelihood';
import { firstMaximum } from '../../lib/eval/metrics';
import { splitOverlong } from '../../lib/eval/overlong';
import { requestsOf } from '../../lib/eval/requests';
import { scoreItems } from '../../lib/eval/score';
import { taskOf } from '../../lib/eval/tasks/tasks';
import { createTokenScorer } from '../../lib/eval/token-scorer';
import { openModelFolder } from '../../lib/model/folder';
import { tunedModel } from '../../lib/model/tuned';

const ROOT = resolve(__dirname, '..', '..');
const MODELS = ['stories260K', 'baby-llama-tok361'].map((name) => resolve(ROOT, '../shared/models', name));
const DATA = resolve(ROOT, '../shared/data');

describe.each(MODELS)('%s', (folder) => {
  it.skipIf(!existsSync(folder) || !existsSync(DATA))(
    'scores real items with a shared context as one request at a time',
    async () => {
      const tokenizer = await loadTokenizer(folder);
      const base = await openModelFolder(folder);
      const device = await openDevice('cpu', 2);
      const scorer = createTokenScorer(tunedModel(base, 'base'), await createState(device, {}), device);
      const { items } = await loadEvalItems(DATA);
      const { scorable } = await splitOverlong(items, tokenizer, scorer.maxLength, 'never');
      const shared = await scoreItems(scorable, scorer, tokenizer, { limitPerTask: 4, seed: 5 });
      const byId = new Map(scorable.map((item) => [item.id, item]));
      const requests = shared.items.flatMap(({ id }) => requestsOf(byId.get(id)!, taskOf(byId.get(id)!)));
      // Only requests of one id share a row.
      const apart = requests.map((request, i) => ({ ...request, id: String(i) }));
      const { results } = await loglikelihood(apart, scorer, tokenizer);
      let next = 0;
      for (const { id, logLikelihoods, tokenCounts, prediction } of shared.items) {
        const alone = results.slice(next, next + logLikelihoods.length).map((result) => result.logLikelihood);
        next += logLikelihoods.length;
        for (const [c, logLikelihood] of logLikelihoods.entries()) {
          const tolerance = 1e-4 + 1e-6 * tokenCounts[c]!;
          expect(Math.abs(logLikelihood - alone[c]!), `${id} ${c}`).toBeLessThan(tolerance);
        }
        expect(alone[firstMaximum(alone).index]! - alone[prediction]!, `${id}: another answer`).toBeLessThan(1e-4);
      }
    },
  );
});

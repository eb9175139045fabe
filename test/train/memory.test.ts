import { expect, test } from 'vitest';
import { PAPER_LORA } from '../../lib/config';
import { LLAMA_2 } from '../../lib/model/llama-2';
import { countParameters, trainingMemory } from '../../lib/train/memory';

test('Llama-2: numbers of the base, of the adapter, and of what is trained', () => {
  expect(countParameters(LLAMA_2['7B'])).toEqual({ base: 6_738_415_616, adapter: 0, trained: 6_738_415_616 });
  expect(countParameters(LLAMA_2['70B'], PAPER_LORA.lora)).toEqual({
    base: 68_976_648_192,
    adapter: 103_546_880,
    trained: 103_546_880,
  });
});

test('full-parameter training holds sixteen bytes a number in float32; LoRA the base once and sixteen of the adapter', () => {
  expect(trainingMemory({ base: 10, adapter: 0, trained: 10 })).toEqual({
    frozen: 0,
    trained: 40,
    gradients: 40,
    moments: 80,
    total: 160,
  });
  expect(trainingMemory({ base: 10, adapter: 1, trained: 1 }, { frozen: 2, trained: 4 })).toEqual({
    frozen: 20,
    trained: 4,
    gradients: 4,
    moments: 8,
    total: 36,
  });
});

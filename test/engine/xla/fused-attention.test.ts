import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Step } from '../../../lib/engine/compile';
import { valueAndGradients } from '../../../lib/engine/gradient';
import { float32 } from '../../../lib/engine/tensors';
import { XLA_DEFAULTS, type XlaOptions } from '../../../lib/engine/xla/options';
import { loadPlugin } from '../../../lib/engine/xla/pjrt/plugin';
import { xlaModule } from '../../../lib/engine/xla/program';
import { shardAxis } from '../../../lib/engine/xla/sharding';
import { free, gather, spread } from '../../../lib/engine/xla/spread';
import { WORKBOOK_ROOT } from '../../../lib/files';
import { causalAttention } from '../../../lib/model/attention';
import { causalMask } from '../../../lib/model/mask';
import { createRandom } from '../../../lib/random';
import { cpuPlugin } from '../../xla/plugins';

/**
 * cuDNN's attention without cuDNN: its calls are JAX's own, and with each call answered by JAX's plain form of it
 * (`jax_attention.py`), the attention and its gradients are those of the blocks.
 */
interface Fixture {
  readonly shape: { heads: number; keyHeads: number; length: number; width: number };
  readonly calls: readonly { target: string; config: object; layouts: string; types: string }[];
  readonly functions: Readonly<Record<string, { readonly forward: string; readonly backward: string }>>;
}
const { shape, calls, functions } = JSON.parse(
  readFileSync(join(WORKBOOK_ROOT, 'test', 'engine', 'xla', 'jax-attention.json'), 'utf8'),
) as Fixture;

const BATCH = 2;
const { heads, keyHeads, length, width } = shape;
const groups = heads / keyHeads;
const SHAPES = {
  q: [BATCH, keyHeads, groups * length, width],
  k: [BATCH, keyHeads, length, width],
  v: [BATCH, keyHeads, length, width],
  dy: [BATCH, keyHeads, groups * length, width],
};

const step: Step = ({ inputs: { q, k, v, dy } }) => {
  const { value, gradients } = valueAndGradients(
    (given) => causalAttention(given.q!, given.k!, given.v!, causalMask(length)).mul(dy!).sum(),
    { q: q!, k: k!, v: v! },
  );
  return { outputs: { value, ...gradients } };
};

const moduleOf = (options: Partial<XlaOptions>) => {
  const inputs = Object.fromEntries(
    Object.entries(SHAPES).map(([n, s]) => [n, { shape: s, dtype: 'float32' as const }]),
  );
  return xlaModule(step, { name: 'attention', inputs, state: {} }, { ...XLA_DEFAULTS, ...options });
};
const CUDNN = { precision: 'bf16', attention: 'cudnn' } as const;

/** A call as the text has it. */
const CALL =
  /^( +%.*), %\d+ = "stablehlo\.custom_call"(\(.*?\)) <\{call_target_name = "(.*?)", .*?backend_config = (".*"), (operand_layouts.*)\}> : (.*)$/gm;

describe('the calls', () => {
  test('are JAX’s own, operand for operand and field for field', () => {
    const ours = [...moduleOf(CUDNN).text.matchAll(CALL)].map(([, , , target, config, layouts, types]) => ({
      target,
      config: JSON.parse(JSON.parse(config!)),
      layouts,
      types,
    }));
    expect(ours).toEqual(calls.map(({ target, config, layouts, types }) => ({ target, config, layouts, types })));
  });

  test('are of each device’s own rows where several share a batch', () => {
    const { text } = moduleOf({ ...CUDNN, devices: 2 });
    expect(text.match(/sdy\.manual_computation/g)).toHaveLength(2);
    expect([...text.matchAll(CALL)].every(([, , , , , , types]) => types!.includes(`tensor<1x${heads}x`))).toBe(true);
  });

  test('are not made for samples that may not see each other', () => {
    expect(moduleOf({ precision: 'bf16' }).text).not.toContain('custom_call');
  });
});

describe.skipIf(!cpuPlugin)('with JAX’s plain form in their place', () => {
  const random = createRandom(5);
  const inputs = Object.fromEntries(
    Object.entries(SHAPES).map(([name, s]) => [
      name,
      float32(
        s,
        Float32Array.from({ length: s.reduce((a, b) => a * b) }, () => Math.fround(random.normal())),
      ),
    ]),
  );

  async function compute(options: Partial<XlaOptions>): Promise<Record<string, Float32Array>> {
    const devices = options.devices ?? 1;
    const { text, inputs: asked, outputs } = moduleOf(options);
    const plain = functions[String(BATCH / devices)]!;
    const called = text.replace(
      CALL,
      (_, results, operands, target, __, ___, types) =>
        `${results} = "func.call"${operands} <{callee = @attention${target.endsWith('Backward') ? '_back' : ''}}> : ` +
        types.replace(', tensor<0xui8>)', ')'),
    );
    const end = called.lastIndexOf('}');
    const client = await loadPlugin(cpuPlugin!.file, cpuPlugin!).createClient({ cpu_device_count: devices });
    try {
      const executable = await client.compile(
        options.attention ? `${called.slice(0, end)}${plain.forward}\n${plain.backward}\n}` : text,
        { partitions: devices },
      );
      const given = asked.map(({ name }) => {
        const { data, shape: whole } = inputs[name.slice(3)]!;
        return spread(client, devices, data, 'float32', whole, shardAxis(name, whole, devices));
      });
      const results = await executable.run(
        Array.from({ length: devices }, (_, d) => given.map(({ parts }) => parts[d]!)),
      );
      const read: Record<string, Float32Array> = {};
      for (const [i, { name, value }] of outputs.entries()) {
        const result = { parts: results.map((own) => own[i]!), shape: value.shape, axis: undefined };
        read[name.slice(4)] = (await gather(result)) as Float32Array;
        free(result);
      }
      for (const one of given) free(one);
      executable.free();
      return read;
    } finally {
      client.close();
    }
  }

  test.each([1, 2])('attention and its gradients are the blocks’, on %i devices', async (devices) => {
    const [fused, blocks] = [await compute({ ...CUDNN, devices }), await compute({})];
    expect(Object.keys(fused)).toEqual(['value', 'q', 'k', 'v']);
    for (const [name, exact] of Object.entries(blocks)) {
      const largest = Math.max(...exact.map(Math.abs));
      const apart = Math.max(...exact.map((x, i) => Math.abs(x - fused[name]![i]!)));
      // What rounding to eight bits explains; an operand in another's place is wrong by the whole.
      expect(apart / largest, name).toBeLessThan(0.02);
      expect(largest).toBeGreaterThan(0);
    }
  });
});

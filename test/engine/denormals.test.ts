import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const ENGINE = join(__dirname, '../../dist/engine');

/** A process of its own: the least and the largest of 262,143 times exp(-90), exp(-80), and a small number of JavaScript's. */
function inProcess(flushDenormals: boolean): { least: number; most: number; javascript: number; normal: number } {
  const program = `
    const tf = require('${ENGINE}/tf');
    const { compile } = require('${ENGINE}/compile');
    const { openDevice } = require('${ENGINE}/device');
    const { createState } = require('${ENGINE}/state');
    const x = { shape: [1 << 18], dtype: 'float32' };
    openDevice('cpu', 2, { flushDenormals: ${flushDenormals} }).then(async (device) => {
      const step = ({ inputs }) => ({ outputs: { y: tf.exp(inputs.x) } });
      const program = await compile(step, { name: 'exp', inputs: { x }, state: {} }, device);
      const { y } = await program.run({ x: { ...x, data: new Float32Array(1 << 18).fill(-90).fill(-80, 0, 1) } }, await createState(device, {}));
      const small = y.data.subarray(1);
      const least = small.reduce((a, b) => Math.min(a, b));
      const most = small.reduce((a, b) => Math.max(a, b));
      console.log(JSON.stringify({ least, most, normal: y.data[0], javascript: Number('1e-310') * 1 }));
    });`;
  const { stdout, stderr, status } = spawnSync(process.execPath, ['-e', program], {
    cwd: join(__dirname, '../..'),
    encoding: 'utf8',
  });
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout);
}

describe('denormal numbers', () => {
  // ONNX Runtime knows the switch of x86 processors only.
  test.skipIf(process.arch !== 'x64')('flushed where asked: in every thread, what is normal stays', () => {
    const { least, most, normal } = inProcess(true);
    expect([least, most]).toEqual([0, 0]);
    expect(normal).toBeCloseTo(Math.exp(-80), 40);
  });

  test('kept by default, and JavaScript’s own with them', () => {
    const { least, most, javascript } = inProcess(false);
    expect(least).toBeGreaterThan(0);
    expect(most).toBeLessThan(1.2e-38);
    expect(javascript).toBe(1e-310);
  });
});

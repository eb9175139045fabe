import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { openDevice } from '../../lib/engine/device';
import { createState, type DeviceState } from '../../lib/engine/state';

test('the host’s tensors are given back once a state holds their values', async () => {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  const device = await openDevice('cpu', 1);
  const open = async (): Promise<{ state: DeviceState; host: WeakRef<Float32Array> }> => {
    const data = new Float32Array(1 << 20).fill(2);
    const state = await createState(device, { w: { shape: [1 << 20], dtype: 'float32', data } });
    return { state, host: new WeakRef(data) };
  };
  const { state, host } = await open();
  for (let i = 0; i < 20 && host.deref(); i++) {
    await new Promise(setImmediate);
    gc();
  }
  expect(host.deref()).toBeUndefined();
  // The state is in use all the while: a read and a write close over what made it.
  expect((await state.read('w')).data[5]).toBe(2);
  state.dispose();
});

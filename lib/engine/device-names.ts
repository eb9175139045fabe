import { PLUGIN_DEVICES } from './xla/plugins/catalogue';

/** Devices by name: ONNX Runtime's, eager tfjs, and XLA's, of which `xla` is whichever is there. */
export const DEVICE_NAMES = [
  'cpu',
  'webgpu',
  'cuda',
  'tfjs',
  'xla',
  ...PLUGIN_DEVICES.map((device) => `xla:${device}` as const),
] as const;

export type DeviceName = (typeof DEVICE_NAMES)[number];

/** For the help of `--plugin`. */
export const PLUGIN_HELP = 'for xla: the file of a plug-in, in place of those that `med42 xla list` shows';

/** For the help of `--device`. */
export const DEVICE_HELP = 'cpu | webgpu | cuda | tfjs | xla | xla:cuda, xla:cpu, ... (`med42 xla list`)';

import type { Api } from './api';
import { type DeviceDtype, dtypeEntry, elementsOf, type HostArray, typeText } from './dtype';
import { whenReady } from './event';
import type { Owner } from './owner';
import type { TensorType } from './program-shape';

/** A device as its client numbers it. */
export interface Device {
  readonly index: number;
  readonly kind: string;
  /** PJRT_Device */
  readonly handle: bigint;
  /** Bytes in use and of the whole device; undefined where the plug-in does not count them, as for the CPU. */
  memory(): { readonly inUse: number; readonly peak?: number; readonly limit?: number } | undefined;
}

/**
 * A tensor that lies on a device until it is freed, given away to a result, or its client is closed. Nothing frees it by
 * itself: JavaScript's collector does not see the device's memory.
 */
export class DeviceBuffer implements TensorType {
  private state: 'there' | 'freed' | 'given away' = 'there';
  private uses = 0;

  constructor(
    private readonly api: Api,
    private readonly handle: bigint,
    readonly dtype: DeviceDtype,
    readonly shape: readonly number[],
    readonly device: Device,
    private readonly owner: Owner,
  ) {
    owner.add(this);
  }

  /** Bytes on the host, row after row. */
  get bytes(): number {
    return elementsOf(this.shape) * dtypeEntry(this.dtype).bytes;
  }

  /** Bytes on the device, padding with them. */
  get bytesOnDevice(): number {
    this.assertThere('its size on the device');
    return this.api.call('Buffer_OnDeviceSizeInBytes', { buffer: this.handle }).number('on_device_size_in_bytes');
  }

  /** A copy on the host, in row-major order; bfloat16 and float16 as raw 16 bits in a Uint16Array. */
  async read(): Promise<HostArray> {
    const host = new ArrayBuffer(this.bytes);
    const array = new (dtypeEntry(this.dtype).array)(host);
    const src = this.use('reading');
    try {
      if (this.bytes === 0) return array;
      const dst = new Uint8Array(host);
      const started = await this.api.callAside('Buffer_ToHostBuffer', { src, dst, dst_size: dst.byteLength });
      await whenReady(this.api, started.pointer('event'));
      return array;
    } finally {
      this.release();
    }
  }

  /** Gives the memory back, after what still uses it. A second time does nothing. */
  free(): void {
    if (this.state !== 'there') return;
    this.state = 'freed';
    if (this.uses === 0) this.destroy();
  }

  get isThere(): boolean {
    return this.state === 'there';
  }

  /**
   * The handle for a call that may go on after this one returns; `release` must follow.
   *
   * @throws when the buffer is no longer there
   */
  use(purpose: string): bigint {
    this.assertThere(purpose);
    this.uses++;
    return this.handle;
  }

  release(): void {
    this.uses--;
    if (this.uses === 0 && this.state !== 'there') this.destroy();
  }

  /** From now on its memory is a result's. Called while in use. */
  giveAway(): void {
    this.state = 'given away';
  }

  private assertThere(purpose: string): void {
    if (this.state === 'there') return;
    const why =
      this.state === 'freed'
        ? 'was freed before; free it after its last use'
        : 'was given away to a result of an earlier run; use that result instead, or put the data again where that run failed';
    throw new Error(`xla: ${purpose}: the buffer (${typeText(this.dtype, this.shape)}) ${why}`);
  }

  private destroy(): void {
    this.api.call('Buffer_Destroy', { buffer: this.handle });
    this.owner.remove(this);
  }
}

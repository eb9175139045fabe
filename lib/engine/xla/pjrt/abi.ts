/**
 * The part of PJRT's C interface that is called here: where each function stands in the plug-in's table, and the fields of
 * the one struct that it takes.
 * Source: openxla/xla, xla/pjrt/c/pjrt_c_api.h, version 0.114; a later version only adds functions and fields at the end.
 */

/** Pointers, sizes and int64 are 8 bytes wide (`p`), enums and int32 4 (`i`), bool 1 (`b`). */
type Width = 'p' | 'i' | 'b';

const BYTES: Readonly<Record<Width, number>> = { p: 8, i: 4, b: 1 };

export interface Field {
  readonly offset: number;
  readonly width: Width;
}

export interface Layout {
  /** What the plug-in reads in `struct_size`: the end of the last field. */
  readonly structSize: number;
  /** With C's padding at the end, as elements of an array lie. */
  readonly bytes: number;
  readonly fields: ReadonlyMap<string, Field>;
}

/** Lays out fields as C does: each at a multiple of its own width. Every struct begins with its size and a list of extensions. */
function layoutOf(fields: string): Layout {
  const placed = new Map<string, Field>();
  let end = 0;
  for (const field of `struct_size extension_start ${fields}`.trim().split(/\s+/)) {
    const [name, width = 'p'] = field.split(':') as [string, Width?];
    const offset = Math.ceil(end / BYTES[width]) * BYTES[width];
    placed.set(name, { offset, width });
    end = offset + BYTES[width];
  }
  return { structSize: end, bytes: Math.ceil(end / 8) * 8, fields: placed };
}

/** Bytes of the table before its first function: size, extensions, and the version in a struct of its own. */
export const TABLE_HEAD = 40;
export const TABLE_MAJOR = 32;
export const TABLE_MINOR = 36;

const memoryStat = (name: string) => `${name} ${name}_is_set:b`;

/** Function -> its place in the table, and what its struct holds. A field without a letter is 8 bytes wide. */
const FUNCTIONS = {
  Error_Destroy: [0, 'error'],
  Error_Message: [1, 'error message message_size'],
  Error_GetCode: [2, 'error code:i'],
  Plugin_Initialize: [3, ''],
  Plugin_Attributes: [4, 'attributes num_attributes'],
  Event_Destroy: [5, 'event'],
  Event_OnReady: [9, 'event callback user_arg'],
  Client_Create: [
    10,
    'create_options num_options kv_get_callback kv_get_user_arg kv_put_callback kv_put_user_arg client ' +
      'kv_try_get_callback kv_try_get_user_arg',
  ],
  Client_Destroy: [11, 'client'],
  Client_PlatformName: [12, 'client platform_name platform_name_size'],
  Client_PlatformVersion: [14, 'client platform_version platform_version_size'],
  Client_AddressableDevices: [16, 'client addressable_devices num_addressable_devices'],
  Client_Compile: [20, 'client program compile_options compile_options_size executable'],
  Client_BufferFromHostBuffer: [
    22,
    'client data type:i dims num_dims byte_strides num_byte_strides host_buffer_semantics:i device memory device_layout ' +
      'done_with_host_buffer buffer',
  ],
  DeviceDescription_Kind: [26, 'device_description device_kind device_kind_size'],
  Device_GetDescription: [29, 'device device_description'],
  Device_MemoryStats: [
    34,
    `device bytes_in_use ${memoryStat('peak_bytes_in_use')} ${memoryStat('num_allocs')} ` +
      `${memoryStat('largest_alloc_size')} ${memoryStat('bytes_limit')} ${memoryStat('bytes_reserved')} ` +
      `${memoryStat('peak_bytes_reserved')} ${memoryStat('bytes_reservable_limit')} ` +
      `${memoryStat('largest_free_block_bytes')} ${memoryStat('pool_bytes')} ${memoryStat('peak_pool_bytes')} ` +
      memoryStat('peak_allocated_bytes'),
  ],
  Executable_Destroy: [40, 'executable'],
  Executable_OptimizedProgram: [48, 'executable program'],
  LoadedExecutable_Destroy: [50, 'executable'],
  LoadedExecutable_GetExecutable: [51, 'loaded_executable executable'],
  LoadedExecutable_AddressableDevices: [52, 'executable addressable_devices num_addressable_devices'],
  LoadedExecutable_Execute: [
    55,
    'executable options argument_lists num_devices num_args output_lists device_complete_events execute_device',
  ],
  Buffer_Destroy: [58, 'buffer'],
  Buffer_OnDeviceSizeInBytes: [64, 'buffer on_device_size_in_bytes'],
  Buffer_ToHostBuffer: [70, 'src host_layout dst dst_size event'],
  TopologyDescription_Create: [82, 'topology_name topology_name_size create_options num_options topology'],
  TopologyDescription_Destroy: [83, 'topology'],
  Compile: [89, 'topology program compile_options compile_options_size client executable'],
  Executable_GetCompiledMemoryStats: [
    96,
    'executable generated_code_size_in_bytes argument_size_in_bytes output_size_in_bytes alias_size_in_bytes ' +
      'temp_size_in_bytes host_generated_code_size_in_bytes host_argument_size_in_bytes host_output_size_in_bytes ' +
      'host_alias_size_in_bytes host_temp_size_in_bytes peak_memory_in_bytes total_size_in_bytes ' +
      'total_allocation_bytes indefinite_allocations peak_unpadded_heap_bytes',
  ],
} as const satisfies Readonly<Record<string, readonly [number, string]>>;

export type FunctionName = keyof typeof FUNCTIONS;

export interface FunctionEntry {
  readonly slot: number;
  readonly layout: Layout;
}

export const FUNCTION_TABLE = new Map<FunctionName, FunctionEntry>(
  (Object.entries(FUNCTIONS) as [FunctionName, readonly [number, string]][]).map(([name, [slot, fields]]) => [
    name,
    { slot, layout: layoutOf(fields) },
  ]),
);

/** Structs that others point to. */
export const STRUCTS = {
  NamedValue: layoutOf('name name_size type:i value value_size'),
  Program: layoutOf('code code_size format format_size'),
  ExecuteOptions: layoutOf(
    'send_callbacks recv_callbacks num_send_ops num_recv_ops launch_id:i non_donatable_input_indices ' +
      'num_non_donatable_input_indices context call_location num_tasks task_ids incarnation_ids multi_slice_config ' +
      'use_major_to_minor_data_layout_for_callbacks:b hlo_output_callbacks num_hlo_output_callbacks',
  ),
} as const;

/** PJRT_NamedValue's types. */
export const NAMED_VALUE = { string: 0, int64: 1, int64List: 2, float: 3, bool: 4 } as const;

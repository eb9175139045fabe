// First, and alone: what follows loads the library.
import './no-telemetry';
import { env } from 'onnxruntime-node';

// What goes wrong comes as an exception, which says it better than a line from inside the library.
env.logLevel = 'fatal';

/** ONNX Runtime. Every other file takes it from here. */
export * from 'onnxruntime-node';

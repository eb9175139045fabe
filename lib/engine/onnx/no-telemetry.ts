/**
 * Since 1.29 ONNX Runtime's official builds report to Microsoft as soon as a session is made (and keep a device id under
 * the home folder), unless this is set before the library is loaded. Nothing leaves the machine here unless its user
 * says ORT_DISABLE_TELEMETRY=0.
 *
 * Source: microsoft/onnxruntime pull request 27379
 */
process.env.ORT_DISABLE_TELEMETRY ??= '1';

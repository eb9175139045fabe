import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // A test file owns its process: ONNX Runtime and tfjs keep global state, and a native crash must not take others along.
    pool: 'forks',
    // Two files at once would share two cores with ONNX Runtime's own threads.
    fileParallelism: false,
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});

import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/build.ts',
    // A test file owns its process: ONNX Runtime and tfjs keep global state, and a native crash must not take others along.
    pool: 'forks',
    // Two files at once, each with one thread of ONNX Runtime, so that two cores are not asked for four. What tests threads
    // asks for its own.
    maxWorkers: 2,
    env: { MED42_THREADS: '1' },
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});

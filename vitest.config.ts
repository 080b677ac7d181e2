import { defineConfig } from 'vitest/config';

import { LongestFirst } from './test/support/sequencer.ts';

process.env.TZ = 'UTC';

/**
 * Only projects that need servers name the set-up, so that a pure test never waits for one. Files share a process where
 * they can, which saves each of them a second or two for the packages; `isolate` is for those that kill things.
 */
const project = (name: string, folders: string[], testTimeout: number, globalSetup: string[], isolate = false) => ({
  extends: true as const,
  test: {
    name,
    isolate,
    include: folders.map((folder) => `test/${folder}/**/*.test.ts`),
    testTimeout,
    hookTimeout: Math.max(testTimeout, 120_000),
    globalSetup,
  },
});

const SERVERS = ['test/support/global-setup.ts'];
const BROWSER = ['test/support/browser-setup.ts'];

export default defineConfig({
  test: {
    // Worker threads crash the native module of the Temporal SDK; forks do not.
    pool: 'forks',
    // More than the cores of a small machine: a good part of the tests waits for time-outs and retries. The gate has time
    // for two, so that what it says does not depend on what runs beside a test.
    maxWorkers: process.env['CI'] ? 2 : 3,
    sequence: { sequencer: LongestFirst },
    env: { TZ: 'UTC' },
    teardownTimeout: 30_000,
    projects: [
      project('unit', ['unit', 'architecture'], 60_000, []),
      project('store', ['store'], 90_000, SERVERS),
      project('contract', ['contract'], 90_000, SERVERS),
      project('api', ['api'], 90_000, SERVERS),
      project('workflow', ['workflow', 'replay'], 150_000, SERVERS),
      project('e2e', ['e2e'], 300_000, SERVERS, true),
      project('browser', ['browser'], 180_000, BROWSER),
      // Only by `npm run test:cluster`: it needs a Temporal server that is none of ours.
      project('cluster', ['cluster'], 900_000, [], true),
    ],
  },
});

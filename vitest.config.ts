import { defineConfig } from 'vitest/config';

process.env.TZ = 'UTC';

/** Only projects that need servers name the set-up, so that a pure test never waits for one. */
const project = (name: string, folders: string[], testTimeout: number, globalSetup: string[]) => ({
  extends: true as const,
  test: {
    name,
    include: folders.map((folder) => `test/${folder}/**/*.test.ts`),
    testTimeout,
    hookTimeout: Math.max(testTimeout, 60_000),
    globalSetup,
  },
});

const SERVERS = ['test/support/global-setup.ts'];
const BROWSER = ['test/support/browser-setup.ts'];

export default defineConfig({
  test: {
    // Worker threads crash the native module of the Temporal SDK; forks do not.
    pool: 'forks',
    maxWorkers: 2,
    env: { TZ: 'UTC' },
    teardownTimeout: 30_000,
    projects: [
      project('unit', ['unit', 'architecture'], 20_000, []),
      project('store', ['store'], 30_000, SERVERS),
      project('contract', ['contract'], 30_000, SERVERS),
      project('api', ['api'], 30_000, SERVERS),
      project('workflow', ['workflow', 'replay'], 60_000, SERVERS),
      project('e2e', ['e2e'], 180_000, SERVERS),
      project('browser', ['browser'], 60_000, BROWSER),
    ],
  },
});

// `npm test`: installs what is missing, then runs vitest. The last line reads `N passed, N failed, N skipped`.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { checkNode, ensurePackages, root } from './install.mjs';

checkNode();
ensurePackages({ dev: true });

const folder = mkdtempSync(join(tmpdir(), 'baton-report-'));
const report = join(folder, 'report.json');
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
const asked = process.argv.slice(2);
// The cluster's tests need a Temporal server that is none of ours: they run when they are named.
const rest = asked.some((arg) => arg.includes('cluster') || arg.startsWith('--project')) ? [] : ['--project=!cluster'];
const args = ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...rest, ...asked];
const env = { ...process.env, TZ: 'UTC' };
const done = spawnSync(process.execPath, [vitest, ...args], { cwd: root, stdio: 'inherit', env });

let counts = { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0, testResults: [] };
let told = false;
try {
  counts = JSON.parse(readFileSync(report, 'utf8'));
  told = true;
} catch {
  console.error('vitest ended without a report.');
}
rmSync(folder, { recursive: true, force: true });

// A file that cannot even be loaded has no tests to count: it is a failure all the same.
const broken = counts.testResults.filter(
  (file) => file.status === 'failed' && file.assertionResults.every((t) => t.status !== 'failed'),
);
const failed = counts.numFailedTests + broken.length;
const bad = !told || failed > 0 || done.status !== 0;
console.log(
  `${counts.numPassedTests} passed, ${bad ? Math.max(failed, 1) : 0} failed, ${counts.numPendingTests + counts.numTodoTests} skipped`,
);
process.exit(bad ? 1 : 0);

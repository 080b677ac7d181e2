// Plain JavaScript on Node alone: it runs before anything is installed.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Ends the process with one sentence. */
export function fail(message, code = 1) {
  console.error(`baton: ${message}`);
  process.exit(code);
}

export function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 20)) return;
  fail(`Node ${process.versions.node} is too old: Baton needs Node 20.20 or newer.`);
}

/** Installs the packages when they are missing or are not those of package-lock.json. */
export function ensurePackages({ dev }) {
  const missing = firstDifference(dev);
  if (missing === undefined) return;
  console.log(`Installing the packages with npm ci (${missing})`);
  const npm = process.env.npm_execpath;
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error', ...(dev ? ['--include=dev'] : [])];
  const options = { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] };
  const done = npm?.endsWith('.js')
    ? spawnSync(process.execPath, [npm, ...args], options)
    : spawnSync('npm', args, { ...options, shell: process.platform === 'win32' });
  if (done.error) fail(`npm could not be started (${done.error.message}): install npm, or run \`npm ci\` yourself.`);
  if (done.status !== 0) fail('npm ci failed (see above): check the network and the npm registry, then start again.');
  const still = firstDifference(dev);
  if (still !== undefined) fail(`npm ci ended well, but ${still}: remove node_modules and start again.`);
}

/** npm writes node_modules/.package-lock.json last: what it says is there was installed whole. */
function firstDifference(dev) {
  const wanted = readLock('package-lock.json');
  if (!wanted) return fail('package-lock.json is missing or cannot be read: this is not a whole copy of Baton.');
  const installed = readLock(join('node_modules', '.package-lock.json'));
  if (!installed) return 'nothing is installed yet';
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '' || entry.optional || entry.devOptional || entry.peer || (entry.dev && !dev)) continue;
    if (installed[path]?.version !== entry.version)
      return `${path.replace('node_modules/', '')} is not at ${entry.version}`;
  }
  return undefined;
}

function readLock(path) {
  try {
    return JSON.parse(readFileSync(join(root, path), 'utf8')).packages;
  } catch {
    return undefined;
  }
}

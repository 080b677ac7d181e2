// `npm start`: installs what is missing, then runs worker/main.ts in this process.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { checkNode, ensurePackages, fail, root } from './install.mjs';

checkNode();
ensurePackages({ dev: false });

process.chdir(root);
if (existsSync('.env')) process.loadEnvFile('.env');

const args = process.argv.slice(2);
if (args.includes('--watch')) {
  const tsx = join(root, 'node_modules', 'tsx', 'dist', 'cli.mjs');
  const rest = args.filter((arg) => arg !== '--watch');
  const watch = ['watch', '--clear-screen=false', '--include', 'workflows/**', 'worker/local/start.mjs', ...rest];
  const child = spawn(process.execPath, [tsx, ...watch], { stdio: 'inherit' });
  // The terminal gives Ctrl-C to the child as well: wait until it has stopped its own children.
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => signal === 'SIGTERM' && child.kill(signal));
  child.on('exit', (code) => process.exit(code ?? 0));
} else {
  try {
    const { register } = await import('tsx/esm/api');
    register();
    const { main } = await import('../main.ts');
    await main(args);
  } catch (error) {
    fail(error instanceof Error ? error.message.split('\n')[0] : String(error));
  }
}

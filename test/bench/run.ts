/**
 * `npm run bench [-- --only relay,open] [--short]`: measures stage by stage, each with fresh servers, into
 * `results/*.json`, then draws them and writes README's figures. Ends with 1 when a stage failed; a missed aim is told.
 */
import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { noCluster } from './servers.ts';
import { STAGES, type StageEntry } from './stages.ts';

const FOLDER = fileURLToPath(new URL('.', import.meta.url));
const [only, short] = readArguments(process.argv.slice(2));

installPackages();
const failed: string[] = [];
for (const stage of chosen()) {
  console.log(`\n${stage.name}: ${stage.about}`);
  if (!(await runStage(stage))) failed.push(stage.name);
}
if (!short && !draw()) failed.push('plots');
if (failed.length > 0) {
  console.error(`\nFAILED: ${failed.join(', ')}`);
  process.exitCode = 1;
}

function readArguments(args: string[]): [string[] | undefined, boolean] {
  const at = args.indexOf('--only');
  const names = at === -1 ? undefined : (args[at + 1] ?? '').split(',');
  const unknown = names?.filter((name) => !STAGES.some((stage) => stage.name === name)) ?? [];
  if (unknown.length > 0) {
    console.error(`No such stage: ${unknown.join()}. There are ${STAGES.map(({ name }) => name).join(', ')}.`);
    process.exit(2);
  }
  return [names, args.includes('--short')];
}

function chosen(): StageEntry[] {
  const asked = STAGES.filter(({ name }) => only === undefined || only.includes(name));
  return asked.filter((stage) => {
    if (stage.servers !== 'cluster' || noCluster === undefined) return true;
    console.log(`\nTHE STAGE "${stage.name}" IS LEFT OUT: ${noCluster}`);
    return false;
  });
}

/** The queues and the drawing are packages of the benchmark alone; npm takes a second when all is there. */
function installPackages(): void {
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  // Not `npm ci`: it wants the native parts of every platform in the lock file, and refuses where a mirror lacks some.
  const args = ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error', '--prefix', FOLDER];
  const { status } = spawnSync(npm, args, { cwd: FOLDER, stdio: 'inherit', shell: process.platform === 'win32' });
  if (status !== 0) throw new Error('The packages of the benchmark could not be installed (test/bench/package.json).');
}

function runStage({ name }: StageEntry): Promise<boolean> {
  const args = ['--expose-gc', '--import', 'tsx', fileURLToPath(new URL('./stage.ts', import.meta.url)), name];
  const child = spawn(process.execPath, short ? [...args, '--short'] : args, { stdio: 'inherit' });
  return new Promise((resolve) => {
    child.once('error', () => resolve(false));
    child.once('close', (code) => resolve(code === 0));
  });
}

function draw(): boolean {
  const program = fileURLToPath(new URL('./plots/draw.ts', import.meta.url));
  return spawnSync(process.execPath, ['--import', 'tsx', program], { stdio: 'inherit' }).status === 0;
}

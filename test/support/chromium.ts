import { mkdir, readdir, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import {
  cacheFolder,
  isExecutable,
  onPath,
  runBounded,
  runShown,
  VERSION_MS,
  type Say,
} from '../../worker/local/programs.ts';

const TITLE = 'Chromium';
/** The one without windows comes first: a page takes it less than half the time. */
const PROGRAMS = ['chromium-headless-shell', 'chromium', 'chromium-browser', 'google-chrome'];
/** Debian has both; where the first is unknown there is the second. */
const PACKAGES = ['chromium-headless-shell', 'chromium'];
/** What playwright-core's download is called, in a folder with the version in its name. */
const DOWNLOADED = /(^|\/)(chrome-headless-shell|headless_shell)(\.exe)?$/;
const SIGNATURE = /^(Chromium|Google Chrome|HeadlessChrome|Chrome Headless Shell)\b.*\d/m;
const DOWNLOAD_MS = 90_000;
const APT_UPDATE_MS = 120_000;
const APT_INSTALL_MS = 300_000;

interface Search {
  env: NodeJS.ProcessEnv;
  /** One line for people about each try. */
  say: Say;
  /** Only root may install packages. */
  isRoot: boolean;
}

/**
 * Finds or gets a Chromium: CHROMIUM_PATH, PATH, our cache, the download of playwright-core, apt. Fails with what to do
 * when there is none, as browser tests that nobody ran are worse than none.
 */
export async function findChromium(
  env: NodeJS.ProcessEnv,
  say: Say,
  isRoot: boolean = process.getuid?.() === 0,
): Promise<string> {
  const search = { env, say, isRoot };
  const path = await firstOf(search, [named, installed, kept, download, aptInstall]);
  if (path === undefined)
    throw new Error(
      'No Chromium could be had for the browser tests: install one (on Debian `apt-get install chromium`), ' +
        'or set CHROMIUM_PATH to a Chromium or a Chrome.',
    );
  say(`${TITLE}: ${path} (${(await versionOf(path, env)) ?? 'unknown version'})`);
  return path;
}

type Attempt = (search: Search) => Promise<string[]>;

async function firstOf(search: Search, attempts: Attempt[]): Promise<string | undefined> {
  for (const attempt of attempts) {
    for (const path of await attempt(search)) {
      if (!(await isExecutable(path))) continue;
      if ((await versionOf(path, search.env)) !== undefined) return path;
      // Ubuntu's package is a script that asks for a snap; a download may lack libraries of the system.
      search.say(`${TITLE}: ${path} does not run, looking further`);
    }
  }
  return undefined;
}

async function versionOf(path: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const { output } = await runBounded(path, ['--version'], VERSION_MS, env);
  return output.split('\n').find((line) => SIGNATURE.test(line));
}

async function named({ env }: Search): Promise<string[]> {
  const path = env['CHROMIUM_PATH'];
  if (!path) return [];
  const wrong = (why: string): Error => new Error(`CHROMIUM_PATH names ${path}, which ${why}.`);
  const found = await stat(path).catch(() => undefined);
  if (!found) throw wrong('does not exist');
  if (!found.isFile() || !(await isExecutable(path))) throw wrong('is not an executable file');
  if ((await versionOf(path, env)) === undefined) throw wrong('is neither a Chromium nor a Chrome that runs');
  return [path];
}

const installed: Attempt = ({ env }) => Promise.resolve(PROGRAMS.flatMap((program) => onPath(program, env)));

const downloadFolder = (env: NodeJS.ProcessEnv): string => join(cacheFolder(env), 'chromium');

async function kept({ env }: Search): Promise<string[]> {
  const folder = downloadFolder(env);
  const files = await readdir(folder, { recursive: true }).catch(() => []);
  // The newest first: the number is part of the folder's name.
  const found = files.filter((file) => DOWNLOADED.test(file.replaceAll('\\', '/')));
  return found.toSorted((a, b) => b.localeCompare(a, 'en', { numeric: true })).map((file) => join(folder, file));
}

async function download(search: Search): Promise<string[]> {
  const { env, say } = search;
  if (env['PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD']) return [];
  say(`${TITLE}: trying the download of playwright-core (at most ${DOWNLOAD_MS / 1000} s)`);
  const folder = downloadFolder(env);
  await mkdir(folder, { recursive: true });
  const cli = join(dirname(createRequire(import.meta.url).resolve('playwright-core/package.json')), 'cli.js');
  const args = [cli, 'install', 'chromium-headless-shell'];
  const into = { ...env, PLAYWRIGHT_BROWSERS_PATH: folder };
  // Whatever it says: when only its video codec could not be had, the browser is there all the same.
  await runShown(TITLE, process.execPath, args, DOWNLOAD_MS, say, into);
  return await kept(search);
}

async function aptInstall(search: Search): Promise<string[]> {
  const { env, say, isRoot } = search;
  const apt = onPath('apt-get', env);
  if (!(await Promise.all(apt.map(isExecutable))).includes(true)) return [];
  if (!isRoot) {
    say(`${TITLE}: apt-get could install it, but only for root`);
    return [];
  }
  const quiet = { ...env, DEBIAN_FRONTEND: 'noninteractive' };
  const call = (args: string[], timeoutMs: number) => runShown(TITLE, 'apt-get', args, timeoutMs, say, quiet);
  say(`${TITLE}: asking apt-get`);
  if (!(await call(['update'], APT_UPDATE_MS))) return [];
  for (const name of PACKAGES) {
    say(`${TITLE}: installing the package ${name}`);
    const options = ['-y', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=60'];
    if (await call(['install', ...options, name], APT_INSTALL_MS)) break;
  }
  return await installed(search);
}

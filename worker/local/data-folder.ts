import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { EXIT_CONFIG, StartError } from './failure.ts';

/** What a running Baton tells about itself, for a second start and for scripts. Holds no secret. */
export interface Endpoint {
  address: string;
  pid: number;
  temporalAddress: string;
  temporalUi: string | null;
}

/** Marks a folder as ours. */
const MARK = 'baton.json';

/** The folder of the embedded data, readable by its owner only. Its real path: the children are found by it. */
export async function openDataFolder(path: string): Promise<string> {
  const folder = resolve(path);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const entries = await readdir(folder);
    // Taking a folder such as /tmp or a home folder away from everybody else would be damage.
    if (entries.length > 0 && !entries.includes(MARK))
      throw new StartError(
        `BATON_DATA_DIR: ${folder} holds files that are not Baton's: name a new or an empty folder.`,
        EXIT_CONFIG,
      );
    await chmod(folder, 0o700);
    if (entries.length === 0)
      await writeFile(join(folder, MARK), `${JSON.stringify({ format: 1 })}\n`, { mode: 0o600 });
    return await realpath(folder);
  } catch (error) {
    if (error instanceof StartError) throw error;
    const why = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    throw new StartError(`BATON_DATA_DIR: the folder ${folder} cannot be made or used (${why}).`, EXIT_CONFIG, {
      cause: error,
    });
  }
}

/** Reads a secret of the folder; makes it first when it is not there yet. */
export async function keepSecret(
  folder: string,
  name: string,
  make: () => string,
): Promise<{ value: string; fresh: boolean; path: string }> {
  const path = join(folder, name);
  try {
    const value = make();
    await writeFile(path, `${value}\n`, { mode: 0o600, flag: 'wx' });
    return { value, fresh: true, path };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const value = (await readFile(path, 'utf8')).trim();
  if (value === '') throw new StartError(`${path} is empty: put the key back, or remove the file to make a new one.`);
  return { value, fresh: false, path };
}

export const newOperatorKey = (): string => `op_${randomBytes(32).toString('base64url')}`;

export const newSecretKeys = (): string => `k1:${randomBytes(32).toString('base64')}`;

export async function writeEndpoint(folder: string, endpoint: Endpoint): Promise<void> {
  const path = join(folder, 'endpoint.json');
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, `${JSON.stringify(endpoint, null, 2)}\n`, { mode: 0o600 });
  await rename(temporary, path);
}

export async function readEndpoint(folder: string): Promise<Endpoint | undefined> {
  try {
    return JSON.parse(await readFile(join(folder, 'endpoint.json'), 'utf8')) as Endpoint;
  } catch {
    return undefined;
  }
}

export async function removeEndpoint(folder: string): Promise<void> {
  await rm(join(folder, 'endpoint.json'), { force: true });
}

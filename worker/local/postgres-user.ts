import { execFile } from 'node:child_process';
import { lchown, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

const NOBODY = 65_534;

/** How a PostgreSQL program is started: PostgreSQL refuses to run as root, so root hands it to another user. */
export interface PostgresUser {
  command(file: string, args: string[]): { file: string; args: string[]; options: { uid?: number; gid?: number } };
  /** Gives a folder and all in it to that user. */
  own(folder: string): Promise<void>;
}

const ourselves: PostgresUser = {
  command: (file, args) => ({ file, args, options: {} }),
  own: () => Promise.resolve(),
};

export async function postgresUser(): Promise<PostgresUser> {
  if (process.getuid?.() !== 0) return ourselves;
  const { uid, gid } = await findUser();
  const own = (folder: string): Promise<void> => giveTo(folder, uid, gid);
  for (const wrap of wraps(uid, gid)) {
    if (await succeeds('setpriv', [...wrap, 'true']))
      return { own, command: (file, args) => ({ file: 'setpriv', args: [...wrap, file, ...args], options: {} }) };
  }
  return { own, command: (file, args) => ({ file, args, options: { uid, gid } }) };
}

/** Best first: a container may lack the right to set secure bits. */
function wraps(uid: number, gid: number): string[][] {
  // The capability lets the other user pass through folders that only root may enter, such as /root or a temp folder.
  const user = [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
  const capability = ['--inh-caps=+dac_override', '--ambient-caps=+dac_override', '--'];
  // Without this bit access(2), by which initdb looks for its sibling, ignores the capability.
  return [
    ['--securebits=+no_setuid_fixup', ...user, ...capability],
    [...user, ...capability],
  ];
}

const succeeds = (file: string, args: string[]): Promise<boolean> =>
  run(file, args, { timeout: 5_000 }).then(
    () => true,
    () => false,
  );

async function findUser(): Promise<{ uid: number; gid: number }> {
  const lines = (await readFile('/etc/passwd', 'utf8').catch(() => '')).split('\n').map((line) => line.split(':'));
  for (const name of ['postgres', 'nobody']) {
    const found = lines.find((fields) => fields[0] === name);
    if (found) return { uid: Number(found[2]), gid: Number(found[3]) };
  }
  return { uid: NOBODY, gid: NOBODY };
}

async function giveTo(path: string, uid: number, gid: number): Promise<void> {
  await lchown(path, uid, gid);
  const entries = await readdir(path, { withFileTypes: true, recursive: true });
  for (const entry of entries) await lchown(join(entry.parentPath ?? entry.path, entry.name), uid, gid);
}

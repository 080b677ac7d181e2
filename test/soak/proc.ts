import { readdir, readFile } from 'node:fs/promises';

/** What Linux says of some processes together; undefined on other systems. */
export interface ProcessUse {
  /** Resident memory, each shared page counted once in the whole: MiB. */
  memoryMb: number;
  /** Open file descriptors. */
  descriptors: number;
  processes: number;
}

/** Of a process and, with `children`, of those that it has started itself. */
export async function processUse(pid: number, children = false): Promise<ProcessUse | undefined> {
  const pids = children ? [pid, ...(await childrenOf(pid))] : [pid];
  const each = await Promise.all(pids.map(one));
  const found = each.filter((use) => use !== undefined);
  if (found.length === 0) return undefined;
  const sum = (key: 'memoryMb' | 'descriptors'): number => found.reduce((total, use) => total + use[key], 0);
  return { memoryMb: sum('memoryMb'), descriptors: sum('descriptors'), processes: found.length };
}

/** A process may end while it is looked at. */
async function one(pid: number): Promise<{ memoryMb: number; descriptors: number } | undefined> {
  try {
    // The proportional size: the buffers of PostgreSQL belong to all its processes.
    const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
    const kilobytes = Number(/^Pss:\s+(\d+) kB$/m.exec(rollup)?.[1]);
    const descriptors = (await readdir(`/proc/${pid}/fd`)).length;
    return { memoryMb: kilobytes / 1_024, descriptors };
  } catch {
    return undefined;
  }
}

async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  return text.split(' ').filter(Boolean).map(Number);
}

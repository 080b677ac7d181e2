import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const ROOT = new URL('../../', import.meta.url);
/** Below our packages, so that an example imports them as a reader's own program would. */
const FOLDER = new URL('node_modules/.cache/readme-examples/', ROOT);

export interface Example {
  name: string;
  language: string;
  code: string;
}

/** A block of code after `<!-- example: name -->`. */
const EXAMPLE = /^<!-- example: ([\w-]+) -->\n+```(\w+)\n([\s\S]*?)\n```$/gm;

/** Every example of the README, in its order. */
export function readmeExamples(): Example[] {
  const readme = readFileSync(new URL('README.md', ROOT), 'utf8');
  return [...readme.matchAll(EXAMPLE)].map(([, name = '', language = '', code = '']) => ({ name, language, code }));
}

export interface RunningExample {
  /** What it has printed, errors too. */
  output(): string;
  /** Resolves to its exit code. */
  exited: Promise<number | null>;
  stop(): Promise<void>;
}

/** Runs an example as it stands in the README, with Node. Throws for a name that is not there. */
export async function runExample(name: string, env: Record<string, string>): Promise<RunningExample> {
  const example = readmeExamples().find((one) => one.name === name);
  if (example === undefined) throw new Error(`README.md has no example ${name}`);
  await mkdir(FOLDER, { recursive: true });
  const file = new URL(`${name}-${randomUUID()}.mjs`, FOLDER);
  await writeFile(file, example.code);
  const child = spawn(process.execPath, [fileURLToPath(file)], { env: { PATH: process.env['PATH'], ...env } });
  return follow(child, () => rm(file, { force: true }));
}

function follow(child: ChildProcess, clean: () => Promise<void>): RunningExample {
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const exited = new Promise<number | null>((resolve) => {
    child.once('close', (code) => void clean().then(() => resolve(code)));
  });
  return {
    output: () => output,
    exited,
    async stop() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

import { readFileSync } from 'node:fs';

/** Variables with a secret in them. Each may be given as a file instead: `BATON_OPERATOR_KEY_FILE=/run/secrets/key`. */
export const SECRET_VARIABLES = [
  'BATON_OPERATOR_KEY',
  'BATON_METRICS_KEY',
  'BATON_SECRET_KEYS',
  'BATON_PAYLOAD_KEYS',
  'DATABASE_URL',
  'TEMPORAL_API_KEY',
] as const;

/** The names of the files' variables, for the documentation and its test. */
export const SECRET_FILE_VARIABLES: readonly string[] = SECRET_VARIABLES.map(fileVariable);

export interface WithSecretFiles {
  /** As given, with the values that the files have. */
  env: NodeJS.ProcessEnv;
  /** Files that cannot be read, and secrets that are given twice. Never a secret value. */
  problems: { variable: string; message: string }[];
}

/**
 * Reads the secrets that are given by file. Space around a value is dropped, so that a file may end with a line break and
 * list its keys on several lines (after a comma); an empty variable counts as not given.
 */
export function withSecretFiles(env: NodeJS.ProcessEnv): WithSecretFiles {
  const read: WithSecretFiles = { env: { ...env }, problems: [] };
  for (const name of SECRET_VARIABLES) {
    const variable = fileVariable(name);
    const path = env[variable]?.trim();
    if (!path) continue;
    if (env[name]?.trim()) {
      read.problems.push({ variable, message: `and ${name} are both given: give one of them` });
      continue;
    }
    try {
      const value = readFileSync(path, 'utf8').trim();
      if (value === '') read.problems.push({ variable, message: 'names an empty file' });
      else read.env[name] = value;
    } catch (error) {
      read.problems.push({ variable, message: `cannot be read (${(error as NodeJS.ErrnoException).code ?? 'error'})` });
    }
  }
  return read;
}

function fileVariable(name: string): string {
  return `${name}_FILE`;
}

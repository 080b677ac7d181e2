import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { HostileSystem } from './system.ts';

export interface Outcome {
  passed: number;
  failed: number;
  skipped: number;
}

const REQUIREMENTS = join(dirname(fileURLToPath(import.meta.url)), 'requirements.txt');
const INSTALL_MS = 180_000;

/**
 * As whom, with which phases, and for how many of 20 parts of the time. The operator comes last: it deletes bots.
 * `ignored_auth`, of the two with a key, asks each operation again without it and with a wrong one.
 */
const CALLERS = [
  { name: 'nobody', phases: 'fuzzing', share: 3 },
  { name: 'a bot', phases: 'coverage,fuzzing', share: 7 },
  { name: 'the operator', phases: 'coverage,fuzzing,stateful', share: 10 },
] as const;

const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
  'negative_data_rejection',
  'unsupported_method',
  'allow_header_conformance',
  'ignored_auth',
].join(',');

/** A virtual environment with schemathesis; otherwise why there is none. */
export async function installSchemathesis(folder: string): Promise<{ program: string } | { why: string }> {
  const venv = join(folder, 'venv');
  const made = await run('python3', ['-m', 'venv', venv], { timeoutMs: INSTALL_MS });
  if (made.code !== 0) return { why: `there is no python3 with venv and pip (${lastLine(made.output)})` };
  const pip = ['install', '--quiet', '--disable-pip-version-check', '--no-input', '-r', REQUIREMENTS];
  const installed = await run(join(venv, 'bin', 'pip'), pip, { timeoutMs: INSTALL_MS });
  if (installed.code !== 0) return { why: `schemathesis could not be installed (${lastLine(installed.output)})` };
  return { program: join(venv, 'bin', 'schemathesis') };
}

/** Sends what `openapi.json` allows and what it does not to every operation. Each operation counts once for each caller. */
export async function fuzz(
  system: HostileSystem,
  options: { program: string; folder: string; seed: number; seconds: number },
): Promise<Outcome> {
  const total: Outcome = { passed: 0, failed: 0, skipped: 0 };
  const document = join(options.folder, 'openapi.json');
  await writeFile(document, await documentOf(system));
  const config = join(options.folder, 'schemathesis.toml');
  await writeFile(config, settings(system));
  const parts = CALLERS.reduce((sum, { share }) => sum + share, 0);
  for (const { name, phases, share } of CALLERS) {
    const key = { nobody: undefined, 'a bot': system.botKey, 'the operator': system.operatorKey }[name];
    const seconds = Math.max(5, Math.floor((options.seconds * share) / parts));
    const report = join(options.folder, `report-${share}.json`);
    console.log(`\nFuzzing as ${name}, ${seconds} s, seed ${options.seed}`);
    const args = ['--config-file', config, 'run', document, '--url', system.address, '--no-color'];
    args.push('--phases', phases, '--checks', CHECKS, '--seed', String(options.seed), '--max-time', String(seconds));
    // One worker: with several, Python 3.11 fails now and then in its own parser.
    args.push('--workers', '1', '--continue-on-failure', '--request-timeout', '20', '--max-examples', '10');
    args.push('--warnings', 'off');
    args.push('--generation-database', 'none', '--report', 'json', '--report-json-path', report);
    if (key !== undefined) args.push('--header', `Authorization: Bearer ${key}`);
    const done = await run(options.program, args, { timeoutMs: (seconds + 120) * 1_000, cwd: options.folder });
    const outcome = await outcomeOf(report, done);
    if (outcome.failed > 0) console.log(done.output);
    if (outcome.skipped > 0)
      console.log(`${outcome.skipped} operations did not get their turn: they count as skipped.`);
    console.log(`${name}: ${outcome.passed} operations as they should be, ${outcome.failed} not`);
    for (const field of ['passed', 'failed', 'skipped'] as const) total[field] += outcome[field];
  }
  return total;
}

interface Report {
  complete: boolean;
  operations: { total: number; tested: number };
  failures: { operations: string[] }[];
  errors: unknown[];
  test_cases: { generated: number };
}

async function outcomeOf(report: string, done: { code: number | null; output: string }): Promise<Outcome> {
  try {
    const { operations, failures, errors, test_cases: cases } = JSON.parse(await readFile(report, 'utf8')) as Report;
    const failed = new Set(failures.flatMap((failure) => failure.operations)).size + errors.length;
    console.log(`${cases.generated} requests to ${operations.tested} operations`);
    const skipped = operations.total - operations.tested;
    // It ends with 1 for failures, and with something else when it could not do its work.
    const isBroken = done.code !== 0 && failed === 0;
    if (isBroken) console.log(done.output);
    return { passed: Math.max(operations.tested - failed, 0), failed: failed + (isBroken ? 1 : 0), skipped };
  } catch {
    console.log(done.output);
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

/** The document as it is served, with something to send to the addresses of webhooks: it cannot name the formats of all desks. */
async function documentOf({ call }: HostileSystem): Promise<string> {
  const document = JSON.parse((await call('GET', '/openapi.json')).text) as {
    paths: Record<string, Record<string, object>>;
  };
  const webhooks = document.paths['/webhooks/{desk}/{hookToken}'] ?? {};
  for (const method of ['post', 'put']) {
    Object.assign(webhooks[method] ?? {}, {
      requestBody: { content: { 'application/json': { schema: {} }, 'text/plain': { schema: { type: 'string' } } } },
    });
  }
  return JSON.stringify(document);
}

/** Ids that exist, so that what is behind the first look in the database is reached as well. */
function settings({ botIds, handoffIds, hookTokens }: HostileSystem): string {
  const desks = ['webhook', 'intercom', 'livechat', 'livedesk', 'sobot', 'zoho-salesiq'];
  const all = { bots: botIds, handoffs: handoffIds, tokens: hookTokens, desks, any: [...botIds, ...handoffIds] };
  const lists = Object.entries(all).map(
    ([name, values]) => `[dictionaries.${name}]\nvalues = ${JSON.stringify(values)}\n`,
  );
  const bound = { botId: 'bots', id: 'handoffs', hookToken: 'tokens', desk: 'desks' };
  const bindings = Object.entries(bound).map(
    ([name, list]) => `${name} = { dictionary = "${list}", probability = 0.7 }`,
  );
  return [
    '[generation.dictionaries]\nstring = { dictionary = "any", probability = 0.1 }\n',
    // Too long for a limit, or unreadable, is refused as much as wrong.
    '[checks.negative_data_rejection]\nexpected-statuses = [400, 401, 403, 404, 405, 406, 409, 413, 415, 429, 431]\n',
    `[parameters]\n${bindings.join('\n')}\n`,
    ...lists,
  ].join('\n');
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? '';

function run(
  program: string,
  args: string[],
  { timeoutMs, cwd }: { timeoutMs: number; cwd?: string },
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: timeoutMs, ...(cwd && { cwd }) });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.once('error', (error) => resolve({ code: null, output: `${output}${error.message}` }));
    child.once('close', (code) => resolve({ code, output }));
  });
}

import { readdir, readFile } from 'node:fs/promises';
import { CLOSE_REASONS } from '../../workflows/contracts.ts';
import { Worker } from '@temporalio/worker';
import { beforeAll, describe, expect, it } from 'vitest';
import { workflowBundle } from '../../worker/bundle.ts';
import { quietRuntime } from '../support/runtime.ts';

const FOLDER = new URL('./histories/', import.meta.url);
const files = (await readdir(FOLDER)).filter((name) => name.endsWith('.json'));

let bundle: { code: string };
beforeAll(async () => {
  quietRuntime();
  bundle = await workflowBundle();
});

describe('handoffs of released versions go on under the workflow code of today', () => {
  it.each(files)('%s', async (name) => {
    const history: unknown = JSON.parse(await readFile(new URL(name, FOLDER), 'utf8'));
    await Worker.runReplayHistory({ workflowBundle: bundle }, history, 'replayed');
  });
});

it('has a history for every way in which a handoff can end', async () => {
  const ends = new Set<string>();
  for (const name of files) {
    for (const reason of (await readFile(new URL(name, FOLDER), 'utf8')).matchAll(/"data":\s*"([A-Za-z0-9+/=]+)"/g)) {
      const text = Buffer.from(reason[1] ?? '', 'base64').toString('utf8');
      for (const known of CLOSE_REASONS) if (text.includes(`"${known}"`)) ends.add(known);
    }
  }
  expect([...ends].toSorted((a, b) => a.localeCompare(b))).toEqual(
    [...CLOSE_REASONS].toSorted((a, b) => a.localeCompare(b)),
  );
});

it('a history that today does not produce is noticed', async () => {
  const text = await readFile(new URL('normal.json', FOLDER), 'utf8');
  const changed: unknown = JSON.parse(text.replaceAll('openConversation', 'openSomethingElse'));
  await expect(Worker.runReplayHistory({ workflowBundle: bundle }, changed, 'changed')).rejects.toThrow(
    /[Nn]ondeterminis/,
  );
});

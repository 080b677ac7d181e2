import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { botSettingsSchema } from '../../activities/settings.ts';
import { CLOSE_REASONS, EVENT_TYPES, HANDOFF_STATUSES } from '../../workflows/contracts.ts';
import * as policies from '../../workflows/policies.ts';
import { figures, figuresIn } from '../bench/plots/tables.ts';
import { read, repositoryFiles } from './sources.ts';

const readme = read('README.md');

describe('the README', () => {
  it('names every address of the API, and no address that is not there', () => {
    const { paths } = JSON.parse(read('api/openapi.json')) as { paths: Record<string, unknown> };
    expect(Object.keys(paths).filter((path) => !readme.includes(path))).toEqual([]);
    const named = [...readme.matchAll(/`(?:[A-Z]+ )?(\/(?:v1|codec|webhooks)\/[^`\s?]*)`/g)].map(([, path]) => path!);
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((path) => !(path in paths))).toEqual([]);
  });

  it('names every setting of a bot with its default', () => {
    const defaults = Object.entries(botSettingsSchema.parse({})) as [string, unknown][];
    for (const [name, value] of defaults) {
      const row = new RegExp(`^\\| \`${name}\` \\| (.*?) \\|`, 'm').exec(readme)?.[1];
      expect(row, name).toBeDefined();
      const long = typeof value === 'string' && value.includes(' ');
      expect(row, name).toContain(
        long ? 'a sentence' : String(typeof value === 'object' ? JSON.stringify(value) : value),
      );
    }
  });

  it('has the figures of the last benchmark', async () => {
    expect(figuresIn(readme)).toBe(await figures());
  });

  it('names every state, event and reason', () => {
    const words = [...HANDOFF_STATUSES, ...EVENT_TYPES, ...CLOSE_REASONS];
    expect(words.filter((word) => !readme.includes(word))).toEqual([]);
  });

  it('tells the limits and pauses that the workflows have', () => {
    const { MESSAGE_LIMIT_MS, CLOSE_LIMIT_MS, CALLBACK_LIMIT_MS, DESK_RETRY, JOURNAL_RETRY, CALLBACK_RETRY } = policies;
    const said = {
      messages: MESSAGE_LIMIT_MS === 15 * 60_000 && readme.includes('up to 15 minutes after the message was accepted'),
      close: CLOSE_LIMIT_MS === 15 * 60_000 && readme.includes('Telling the desk is tried for 15 minutes'),
      callback: CALLBACK_LIMIT_MS === 72 * 3_600_000 && readme.includes('doubling to 5 minutes for 72 hours'),
      callbackPause: CALLBACK_RETRY.initialInterval === 1_000 && CALLBACK_RETRY.maximumInterval === 300_000,
      desk: DESK_RETRY.initialInterval === 500 && DESK_RETRY.maximumInterval === 30_000,
      journal: JOURNAL_RETRY.initialInterval === 250 && JOURNAL_RETRY.maximumInterval === 5_000,
    };
    expect(Object.entries(said).filter(([, same]) => !same)).toEqual([]);
  });

  it('has a place for each of the 18 rules', () => {
    const rules = readme.slice(readme.indexOf('## The rules'), readme.indexOf('## Limits and known'));
    const numbers = [...rules.matchAll(/^(\d+)\. /gm)].map(([, n]) => Number(n));
    expect(numbers).toEqual(Array.from({ length: 18 }, (_, index) => index + 1));
  });
});

describe.each(['README.md', 'CONTRIBUTING.md', 'activities/desks/webhook/README.md'])('%s', (path) => {
  it('points to files that exist', () => {
    const files = repositoryFiles();
    const exists = (target: string): boolean => files.some((file) => file === target || file.startsWith(`${target}/`));
    const text = read(path);
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, to]) => normalize(join(dirname(path), to!)));
    const named = [...text.matchAll(/`((?:workflows|activities|api|worker|test)\/[\w./-]+\.(?:ts|json|mjs))`/g)];
    const missing = [...links, ...named.map(([, to]) => to!)].filter((target) => !exists(target));
    expect(missing).toEqual([]);
  });
});

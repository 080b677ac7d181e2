import { parseKeyRing, parsePayloadKeys } from '../activities/platform/key-ring.ts';
import { createStore, type RotatedTable } from '../activities/store/store.ts';
import type { Command } from './commands.ts';
import { StartError } from './local/failure.ts';

/**
 * Seals everything at rest with the first keys: secrets with that of BATON_SECRET_KEYS, and with BATON_PAYLOAD_KEYS what
 * people wrote. Safe while Baton runs; stopped in the middle, it goes on when it is called again.
 */
export const rotateKeys: Command = {
  needs: ['BATON_SECRET_KEYS'],
  ownServers: true,
  async run({ config, databaseUrl, log, signal, say }) {
    const { secretKeys = '', payloadKeys } = config;
    if (payloadKeys !== undefined && !parsePayloadKeys(payloadKeys).primary) {
      throw new StartError(
        'BATON_PAYLOAD_KEYS begins with "off": rotate when its first key encrypts in all processes.',
      );
    }
    const store = createStore({ databaseUrl, secretKeys, payloadKeys, log });
    try {
      const tables = await store.rotateKeys({ signal, onTable: (table) => say(lineOf(table)) });
      if (signal.aborted) return say('Stopped before the end: call it again to go on.');
      for (const line of verdicts(tables, { secretKeys, payloadKeys })) say(line);
      const bad = tables.filter(({ unreadable }) => unreadable > 0);
      if (bad.length > 0) {
        const rows = bad.reduce((sum, { unreadable }) => sum + unreadable, 0);
        throw new StartError(`${rows} rows cannot be opened and stay as they are, for example: ${bad[0]?.problem}`);
      }
    } finally {
      await store.close();
    }
  },
};

function lineOf({ name, rows, resealed, values }: RotatedTable): string {
  const by = Object.entries(values).map(([key, count]) => `${key} ${count}`);
  return `${name}: ${rows} rows, ${resealed} sealed anew${by.length > 0 ? ` (${by.join(', ')})` : ''}`;
}

/** What the operator may do now, for each of the two variables. */
export function verdicts(
  tables: RotatedTable[],
  { secretKeys, payloadKeys }: { secretKeys: string; payloadKeys: string | undefined },
): string[] {
  const used = (kind: RotatedTable['keys']): Set<string> =>
    new Set(tables.filter(({ keys }) => keys === kind).flatMap(({ values }) => Object.keys(values)));
  const lines = verdict('BATON_SECRET_KEYS', secretKeys, used('secrets'));
  if (payloadKeys === undefined) {
    return [...lines, 'BATON_PAYLOAD_KEYS is not set: what people wrote is not sealed.'];
  }
  return [
    ...lines,
    ...verdict('BATON_PAYLOAD_KEYS', payloadKeys, used('content')),
    'Runs in Temporal keep the payload key that they were written with: an old one must stay behind the first until the last handoff from before the change has closed and the retention of the namespace has passed.',
  ];
}

function verdict(variable: string, keys: string, used: Set<string>): string[] {
  const { primary, byId } = parseKeyRing(keys);
  const older = [...byId.keys()].filter((id) => id !== primary.id);
  const unused = older.filter((id) => !used.has(id));
  const left = [...used].filter((id) => id !== primary.id);
  return [
    ...(left.length > 0
      ? [
          `${variable}: not everything is sealed with ${primary.id} (${left.join(', ')}). Processes that still run with other keys in front, or rows that were in use: call it again. Keys that are not given: put them behind the first.`,
        ]
      : []),
    ...(unused.length > 0
      ? [
          `${variable}: nothing in PostgreSQL needs ${unused.join(', ')} any more. Backups from before still do. Remove it once every process runs with ${primary.id} in front.`,
        ]
      : []),
    ...(older.length === 0 && left.length === 0 ? [`${variable}: ${primary.id} is the only key.`] : []),
  ];
}

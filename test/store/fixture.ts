import { CALLBACK_SECRET } from '../support/callback.ts';
import { randomBytes, randomUUID } from 'node:crypto';
import pg from 'pg';
import { pino } from 'pino';
import { desks } from '../../activities/desks/registry.ts';
import { parseSettings, type BotSettings } from '../../activities/settings.ts';
import { createStore, type NewHandoff, type Store } from '../../activities/store/store.ts';
import type { ConversationEvent, EventType, HandoffEvent } from '../../workflows/contracts.ts';
import { createTestDatabase } from '../support/postgres.ts';

export const silent = pino({ level: 'silent' });

export const newKey = (id: string): string => `${id}:${randomBytes(32).toString('base64')}`;

export interface Fixture {
  url: string;
  /** Stores of their own pools and memories, as separate processes have them. */
  stores: Store[];
  store: Store;
  secretKeys: string;
  /** Sees what is stored, past the store. */
  query<T extends pg.QueryResultRow>(sql: string, values?: unknown[]): Promise<T[]>;
  /** A connection of its own, for transactions that the test holds open. */
  connect(): Promise<pg.Client>;
  close(): Promise<void>;
}

export async function openStores(count = 1): Promise<Fixture> {
  const database = await createTestDatabase();
  const secretKeys = newKey('k1');
  const stores = Array.from({ length: count }, () =>
    createStore({ databaseUrl: database.url, secretKeys, log: silent }),
  );
  const clients: pg.Client[] = [];
  const connect = async (): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: database.url });
    client.on('error', () => undefined);
    await client.connect();
    clients.push(client);
    return client;
  };
  const own = await connect();
  const [store] = stores;
  if (!store) throw new Error('a fixture has at least one store');
  return {
    url: database.url,
    stores,
    store,
    secretKeys,
    connect,
    query: async (sql, values) => (await own.query(sql, values)).rows,
    async close() {
      await Promise.all(stores.map((one) => one.close()));
      await Promise.all(clients.map((client) => client.end()));
      await database.drop();
    },
  };
}

export const newId = (name: string): string => `${name}-${randomUUID()}`;

export const newHandoff = (more: Partial<NewHandoff> = {}): NewHandoff => ({
  id: newId('handoff'),
  botId: newId('bot'),
  conversationId: newId('conversation'),
  desk: 'webhook',
  channel: 'whatsapp',
  mode: 'external',
  status: 'opening',
  user: { id: 'user-1', name: 'Ada' },
  question: 'Where is my order?',
  metadata: null,
  ...more,
});

export function newEvent(
  of: { id: string; botId: string; conversationId: string },
  seq: number,
  type: EventType = 'message.agent',
  data: Record<string, unknown> = {},
): HandoffEvent {
  const at = new Date(Date.UTC(2030, 0, 1) + seq * 1_000).toISOString();
  return { type, seq, at, botId: of.botId, handoffId: of.id, conversationId: of.conversationId, data };
}

export const newTalkEvent = (
  of: { botId: string; deskConversationId: string },
  seq: number,
  text = `text ${seq}`,
): ConversationEvent => {
  const { botId, deskConversationId: conversationId } = of;
  const at = new Date(Date.UTC(2030, 0, 1) + seq * 1_000).toISOString();
  return { type: 'conversation.message', seq, at, botId, conversationId, data: { text } };
};

export const webhookSettings = (more: Record<string, unknown> = {}): BotSettings =>
  parseSettings(
    {
      enabled: true,
      desk: { kind: 'webhook', url: 'https://desk.example.com', username: 'baton', password: 'open sesame' },
      callback: {
        url: 'https://bot.example.com/events',
        secret: CALLBACK_SECRET,
        auth: { type: 'bearer', token: 'callback-token' },
      },
      ...more,
    },
    undefined,
    desks,
  );

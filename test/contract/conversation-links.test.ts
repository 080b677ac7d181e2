import { pino } from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import { desks } from '../../activities/desks/registry.ts';
import { createHttpClient } from '../../activities/http/client.ts';
import { createIntercomSandbox } from '../../api/sandbox/intercom/index.ts';
import { createTestMemory } from '../support/desk-memory.ts';

const linkOf = (desk: string, config: object, conversation: { deskConversationId: string; isClosed?: boolean }) =>
  desks.get(desk)?.conversationUrl?.({ config, memory: createTestMemory() }, { isClosed: false, ...conversation });

it('Intercom: the check of the credentials finds the workspace, and the region has its own inbox', async () => {
  const sandbox = createIntercomSandbox();
  onTestFinished(() => sandbox.stop());
  const http = createHttpClient({ allowedNetworks: ['127.0.0.0/8'] });
  onTestFinished(() => http.close());
  const intercom = desks.get('intercom')!;
  const config = sandbox.settings(await sandbox.listen(), 'external');
  const memory = createTestMemory();
  const conversation = { deskConversationId: '215473840', isClosed: false };
  const { baseUrl: _baseUrl, ...real } = config as { baseUrl: string };
  const link = (over: object) => intercom.conversationUrl?.({ config: { ...real, ...over }, memory }, conversation);

  expect(await link({ region: 'us' })).toBeUndefined();
  const log = pino({ level: 'silent' });
  const signal = AbortSignal.timeout(10_000);
  const context = { config, http, log, memory, publicUrl: 'https://baton.example.com', now: Date.now, signal };
  await intercom.verify(context, 'external');
  const path = `/a/inbox/${sandbox.workspaceId}/inbox/conversation/215473840`;
  expect(await link({ region: 'us' })).toBe(`https://app.intercom.com${path}`);
  expect(await link({ region: 'eu' })).toBe(`https://app.eu.intercom.com${path}`);
  expect(await link({ region: 'au' })).toBe(`https://app.au.intercom.com${path}`);
  expect(await link(config)).toBeUndefined();
});

it('LiveChat: an open chat is among the chats, a closed one in the archives', async () => {
  const deskConversationId = 'PJ0MRSHTDG.PGDGHT5G';
  expect(await linkOf('livechat', {}, { deskConversationId })).toBe(
    'https://my.livechatinc.com/chats/PJ0MRSHTDG/PGDGHT5G',
  );
  expect(await linkOf('livechat', {}, { deskConversationId, isClosed: true })).toBe(
    'https://my.livechatinc.com/archives/PGDGHT5G',
  );
  expect(await linkOf('livechat', {}, { deskConversationId: '../evil' })).toBeUndefined();
  expect(await linkOf('livechat', { baseUrl: 'http://127.0.0.1:1' }, { deskConversationId })).toBeUndefined();
});

it('no desk guesses an address that its vendor has not shown', () => {
  const linked = desks.all().flatMap(({ id, conversationUrl }) => (conversationUrl ? [id] : []));
  expect(linked).toEqual(['intercom', 'livechat']);
});

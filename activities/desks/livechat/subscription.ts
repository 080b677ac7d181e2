import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Mode } from '../../../workflows/contracts.ts';
import type { Subscribed } from '../desk.ts';
import { agentCall, type Context } from './client.ts';
import { isLivechat, LivechatError } from './failures.ts';
import { NOTHING } from './messages.ts';
import { topicsOf } from './webhook.ts';

const registered = z.array(z.object({ id: z.string(), url: z.string(), action: z.string() }));
const made = z.object({ id: z.string() });

const BY_HAND = 'make the webhooks by hand';

/**
 * One webhook for each topic. LiveChat never shows the key of a webhook and cannot change one, so those that were made with
 * another key are made again; what we made last is remembered as a hash.
 */
export async function subscribe(ctx: Context, { url, mode }: { url: string; mode: Mode }): Promise<Subscribed> {
  const { accountId, token, clientId } = ctx.config;
  if (accountId === undefined || token === undefined)
    return { done: false, detail: `account ID and personal access token are not set: ${BY_HAND}` };
  const memoryKey = `webhooks.${hashOf(url)}`;
  const wanted = topicsOf(mode).map((action) => webhookOf(ctx, url, mode, action));
  const fingerprint = hashOf(JSON.stringify(wanted));
  try {
    const isCurrent = (await ctx.memory.get<string>(memoryKey)) === fingerprint;
    const kept = new Set<string>();
    for (const { id, action } of await ownWebhooks(ctx, url)) {
      if (isCurrent && !kept.has(action) && wanted.some((one) => one.action === action)) kept.add(action);
      else await remove(ctx, id);
    }
    for (const webhook of wanted.filter(({ action }) => !kept.has(action)))
      await agentCall(ctx, 'subscribe', 'configuration/register_webhook', webhook, made);
    await ctx.memory.put(memoryKey, fingerprint);
    await agentCall(ctx, 'subscribe', 'configuration/enable_license_webhooks', { owner_client_id: clientId }, NOTHING);
    return { done: true, detail: `webhooks: ${wanted.map(({ action }) => action).join(', ')}` };
  } catch (error) {
    return { done: false, detail: `${reasonOf(error)}: ${BY_HAND}` };
  }
}

/** Removes the webhooks that lead to this address. */
export async function unsubscribe(ctx: Context, { url }: { url: string }): Promise<void> {
  if (ctx.config.accountId === undefined || ctx.config.token === undefined) return;
  for (const { id } of await ownWebhooks(ctx, url)) await remove(ctx, id);
  await ctx.memory.forget(`webhooks.${hashOf(url)}`);
}

function webhookOf(ctx: Context, url: string, mode: Mode, action: string) {
  const mine = mode === 'external' ? { only_my_chats: true } : {};
  const filters = { ...mine, ...(mode === 'external' && action === 'incoming_event' && { author_type: 'agent' }) };
  return {
    url,
    description: 'Baton',
    action,
    secret_key: ctx.config.secretKey,
    owner_client_id: ctx.config.clientId,
    type: 'license',
    ...(Object.keys(filters).length > 0 && { filters }),
    // Tells whether a chat is at the bot's seat.
    ...(mode === 'native' && action === 'incoming_event' && { additional_data: ['chat_presence_user_ids'] }),
  };
}

async function ownWebhooks(ctx: Context, url: string): Promise<z.output<typeof registered>> {
  const body = { owner_client_id: ctx.config.clientId };
  const all = await agentCall(ctx, 'subscribe', 'configuration/list_webhooks', body, registered);
  return all.filter((webhook) => webhook.url === url);
}

async function remove(ctx: Context, id: string): Promise<void> {
  const body = { id, owner_client_id: ctx.config.clientId };
  try {
    await agentCall(ctx, 'subscribe', 'configuration/unregister_webhook', body, NOTHING);
  } catch (error) {
    if (!isLivechat(error, 'not_found')) throw error;
  }
}

/** Only a refusal is something the operator can answer by hand; the rest is worth another try. */
function reasonOf(error: unknown): string {
  if (!(error instanceof LivechatError) || !['auth', 'rejected'].includes(error.kind)) throw error;
  if (isLivechat(error, 'authorization', 'missing_access', 'not_allowed'))
    return 'the token lacks the scopes webhooks.configuration:rw and webhooks.state:rw';
  return [error.message, error.detail].filter(Boolean).join(' ');
}

const hashOf = (value: string): string => createHash('sha256').update(value, 'utf8').digest('hex').slice(0, 32);

import { z } from 'zod';
import type { Mode } from '../../../workflows/contracts.ts';
import type { Subscribed } from '../desk.ts';
import { appOf } from './apps.ts';
import { call, type Context, NOTHING } from './client.ts';
import { ZohoError } from './errors.ts';
import { readKeys } from './signature.ts';
import { topicsOf } from './webhook.ts';

const made = z.object({
  id: z.union([z.string().min(1), z.number().transform(String)]),
  url: z.string().catch(''),
  public_keys: z.array(z.object({ key: z.string() })).catch([]),
});
type Made = z.output<typeof made>;
const all = z.array(made);

const BY_HAND = 'make the webhook by hand';
/** 60 days, the longest. */
const KEPT_MS = String(60 * 86_400_000);

/** One webhook for this address, made or put right; a second one is removed. */
export async function subscribe(ctx: Context, { url, mode }: { url: string; mode: Mode }): Promise<Subscribed> {
  try {
    const body = {
      type: 'data',
      url,
      events: topicsOf(mode),
      app_ids: [await appOf(ctx, 'subscribe')],
      secured: true,
      version: '1',
      expiry_time_for_executions_data: KEPT_MS,
    };
    const [first, ...more] = await ownWebhooks(ctx, url);
    const webhook =
      first === undefined
        ? await call(ctx, 'subscribe', { path: 'webhooks', body, answer: made })
        : await call(ctx, 'subscribe', { method: 'PUT', path: pathOf(first), body, answer: made });
    for (const one of more) await remove(ctx, one);
    return { done: true, detail: `webhook: ${body.events.join(', ')}.${keyHint(ctx, webhook)}` };
  } catch (error) {
    return { done: false, detail: `${reasonOf(error)}: ${BY_HAND}` };
  }
}

/** Removes those that lead to this address. */
export async function unsubscribe(ctx: Context, { url }: { url: string }): Promise<void> {
  for (const one of await ownWebhooks(ctx, url)) await remove(ctx, one);
}

const pathOf = ({ id }: Made): string => `webhooks/${encodeURIComponent(id)}`;

async function ownWebhooks(ctx: Context, url: string): Promise<Made[]> {
  const found = await call(ctx, 'subscribe', { method: 'GET', path: 'webhooks', answer: all });
  return found.filter((one) => one.url === url);
}

async function remove(ctx: Context, webhook: Made): Promise<void> {
  try {
    await call(ctx, 'subscribe', { method: 'DELETE', path: pathOf(webhook), answer: NOTHING });
  } catch (error) {
    if (!(error instanceof ZohoError) || error.kind !== 'not_found') throw error;
  }
}

/** Every webhook signs with a key of its own: what the settings do not know would be refused. */
function keyHint({ config }: Context, { public_keys: [oldest] }: Made): string {
  const own = bareKeys(oldest?.key)[0];
  if (own === undefined || bareKeys(config.publicKey).includes(own)) return '';
  return ` Put its public key into the settings: ${own}`;
}

function bareKeys(text: string | undefined): string[] {
  try {
    return readKeys(text ?? '').map((key) => key.export({ format: 'der', type: 'spki' }).toString('base64'));
  } catch {
    return [];
  }
}

/** Only a refusal is something the operator can answer by hand; the rest is worth another try. */
function reasonOf(error: unknown): string {
  if (!(error instanceof ZohoError) || !['auth', 'rejected'].includes(error.kind)) throw error;
  return [error.message, error.detail].filter(Boolean).join(' ');
}

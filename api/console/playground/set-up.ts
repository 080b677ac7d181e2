import { get, patch, post, put, remove } from '../lib/api.ts';
import { botPath } from '../lib/paths.ts';
import type { Tool } from './bot.ts';
import type { Place } from './places.ts';

/** How long handoffs of the playground wait, in seconds: short, so that one sees them end. */
export interface Waits {
  waitTimeoutSeconds: number;
  inactivityTimeoutSeconds: number;
}

const USUAL_WAITS: Waits = { waitTimeoutSeconds: 20, inactivityTimeoutSeconds: 60 };
const WAITS = 'baton.playground.waits';

export interface Ready {
  /** As the sandbox gave them. */
  settings: Record<string, unknown>;
  tool: Tool;
  waits: Waits;
  /** The hours of the bot begin in a moment. */
  isClosed: boolean;
}

interface Bot {
  service: { state: string; why?: string };
  webhookUrl: string | null;
}

const KEY_LABEL = 'playground';
const OLD_MS = 600_000;

/**
 * Makes the bot of a place and the simulated account know each other. May be done again at any time: a sandbox that was
 * started again has new credentials, and knows nobody.
 */
export async function setUp(place: Place): Promise<Ready> {
  const { botId, desk, mode, sandbox, inMessenger } = place;
  const control = `/sandbox/${sandbox}/_control`;
  const settings = await get<Record<string, unknown>>(`${control}/settings?mode=${mode}`);
  const waits = waitsKept();
  const bot = await put<Bot>(botPath(botId), {
    enabled: true,
    mode,
    desk: { kind: desk, ...settings },
    ...waits,
    // In the desk's messenger nobody can ask the user whether he waits on.
    onWaitTimeout: inMessenger ? 'close' : 'ask',
    // What the desk's messenger has is at the desk already.
    leaveMessage: !inMessenger,
    connectAtOpening: !inMessenger,
  });
  await connect(bot, place, settings);
  if (place.consent && bot.service.state !== 'available') await consent(botId, control);
  else if (bot.service.state === 'unavailable') throw new Error(bot.service.why);
  return { settings, tool: await get<Tool>(`${botPath(botId)}/tool`), waits, isClosed: false };
}

/** The same for all bots of the playground. */
function waitsKept(): Waits {
  try {
    return { ...USUAL_WAITS, ...(JSON.parse(localStorage.getItem(WAITS) ?? '{}') as Partial<Waits>) };
  } catch {
    return USUAL_WAITS;
  }
}

export async function changeWaits(botId: string, waits: Waits): Promise<void> {
  await patch(botPath(botId), waits);
  localStorage.setItem(WAITS, JSON.stringify(waits));
}

const UNTIL_OPENING_MS = 120_000;

/** Hours that begin in two minutes, or none. */
export async function changeHours(botId: string, isClosed: boolean): Promise<void> {
  const [date = '', clock = ''] = new Date(Date.now() + UNTIL_OPENING_MS).toISOString().split('T');
  const period = { kind: 'date', date, from: clock.slice(0, 5), to: '24:00' };
  await patch(botPath(botId), { hours: isClosed ? { timezone: 'UTC', periods: [period] } : null });
}

/** A desk with webhooks is told their address; the Webhook desk calls with a key. */
async function connect(bot: Bot, { botId, sandbox }: Place, settings: Record<string, unknown>): Promise<void> {
  const control = `/sandbox/${sandbox}/_control/connect`;
  if (bot.webhookUrl !== null) {
    // The sandbox reaches Baton where Baton reaches the sandbox, whatever the world calls it.
    const { pathname } = new URL(bot.webhookUrl);
    return await post(control, { webhookUrl: new URL(pathname, String(settings['baseUrl'])).href });
  }
  const { connected } = await get<{ connected: boolean }>(`${control}?botId=${botId}`);
  if (connected) return;
  const keys = `${botPath(botId)}/keys`;
  const { key } = await post<{ key: string }>(keys, { label: KEY_LABEL });
  await post(control, { botId, apiKey: key });
  // Of sandboxes that are gone; another tab may be about to use a young one.
  const all = await get<{ keys: { id: string; label: string | null; createdAt: string }[] }>(keys);
  const isOld = (createdAt: string): boolean => Date.parse(createdAt) < Date.now() - OLD_MS;
  const old = all.keys.filter(({ label, createdAt }) => label === KEY_LABEL && isOld(createdAt));
  for (const { id } of old) await remove(`${keys}/${id}`).catch(() => undefined);
}

/** As an administrator allows it in his browser. */
async function consent(botId: string, control: string): Promise<void> {
  const { url } = await post<{ url: string }>(`${botPath(botId)}/consent`);
  const { location } = await post<{ location: string }>(`${control}/consent`, { url });
  const { pathname, search } = new URL(location);
  const back = await fetch(pathname + search, { credentials: 'same-origin' });
  if (!back.ok) throw new Error(`HTTP ${back.status}: ${pathname}`);
}

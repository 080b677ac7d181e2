import type { BotSettings } from '../settings.ts';
import type { Desk } from './desk.ts';

/**
 * Whether the bot's users are in the desk's own messenger: the desk carries the messages, Baton watches. In native mode
 * always, in external mode with desks that are set so.
 */
export function inOwnMessenger(desk: Desk, { mode, desk: config }: BotSettings): boolean {
  if (mode === 'native') return desk.capabilities.modes.includes('native');
  return config?.kind === desk.id && desk.messengerInExternal?.(config) === true;
}

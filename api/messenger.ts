import type { Desk } from '../activities/desks/desk.ts';
import type { BotSettings } from '../activities/settings.ts';

/** Whether this can be so for any bot of the desk. */
export const mayHaveMessenger = ({ capabilities, messengerInExternal }: Desk): boolean =>
  capabilities.modes.includes('native') || messengerInExternal !== undefined;

/** Whether the bot's settings let users of this channel have a human at the desk. */
export function servesChannel(desk: Desk, { mode }: BotSettings, channel: string): boolean {
  const isOwn = desk.ownChannels.includes(channel);
  if (mode === 'native') return isOwn;
  return desk.externalChannels?.includes(channel) ?? !isOwn;
}

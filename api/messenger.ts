import type { Desk } from '../activities/desks/desk.ts';
import type { DeskRegistry } from '../activities/desks/registry.ts';
import type { BotSettings } from '../activities/settings.ts';
import type { HandoffRow } from '../activities/store/store.ts';

/** Whether this can be so for any bot of the desk. */
export const mayHaveMessenger = ({ capabilities, messengerInExternal }: Desk): boolean =>
  capabilities.modes.includes('native') || messengerInExternal !== undefined;

/** Whether the bot's settings let users of this channel have a human at the desk. */
export function servesChannel(desk: Desk, { mode }: BotSettings, channel: string): boolean {
  const isOwn = desk.ownChannels.includes(channel);
  if (mode === 'native') return isOwn;
  return desk.externalChannels?.includes(channel) ?? !isOwn;
}

/** The desk that this handoff may go to when its own does not answer: it has to serve the channel, too. */
export function secondDeskFor(
  desks: DeskRegistry,
  settings: BotSettings,
  { desk, mode, channel }: Pick<HandoffRow, 'desk' | 'mode' | 'channel'>,
): string | undefined {
  const second = settings.secondDesk === null ? undefined : desks.get(settings.secondDesk.kind);
  if (second === undefined || mode === 'native' || second.id === desk) return undefined;
  return servesChannel(second, settings, channel) ? second.id : undefined;
}

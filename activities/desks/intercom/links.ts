import type { Desk } from '../desk.ts';
import type { Context, IntercomConfig } from './config.ts';

/** The inbox of the region that the workspace is in. */
const APPS = {
  us: 'https://app.intercom.com',
  eu: 'https://app.eu.intercom.com',
  au: 'https://app.au.intercom.com',
} as const;

const KEY = 'workspace';
const WORKSPACE = /^[\w-]{1,100}$/;

/** The id of the workspace is in the address of every conversation, and only the token's owner knows it. */
export async function rememberWorkspace(ctx: Context, id: string | undefined): Promise<void> {
  if (id !== undefined && WORKSPACE.test(id)) await ctx.memory.put(KEY, id);
}

/** Known once the credentials have been checked; a sandbox has no inbox. */
export const conversationUrl: NonNullable<Desk<IntercomConfig>['conversationUrl']> = async (
  { config, memory },
  { deskConversationId },
) => {
  if (config.baseUrl !== undefined) return undefined;
  const workspace = await memory.get<string>(KEY);
  if (workspace === undefined) return undefined;
  return `${APPS[config.region]}/a/inbox/${workspace}/inbox/conversation/${encodeURIComponent(deskConversationId)}`;
};

import { z } from 'zod';
import type { Mode } from '../../../workflows/contracts.ts';
import type { Verified } from '../desk.ts';
import { agentCall, apiUrl, call, type Context } from './client.ts';
import { isLivechat, LivechatError } from './failures.ts';
import { organization, probeOf } from './identity.ts';
import { NOTHING } from './messages.ts';

const dynamic = z.object({ organization_id: z.string().optional(), livechat_active: z.boolean().optional() });
const statuses = z.object({ groups_status: z.record(z.string(), z.string()) });
const agents = z.array(
  z.object({
    id: z.string(),
    account_id: z.string().optional(),
    name: z.string().optional(),
    suspended: z.boolean().optional(),
    groups: z.array(z.object({ id: z.number() })).optional(),
  }),
);
const groups = z.array(z.object({ id: z.number(), name: z.string().optional() }));

/** Calls LiveChat without changing anything there, except that the first check makes one customer for itself. */
export async function verify(ctx: Context, mode: Mode): Promise<Verified> {
  await checkOrganization(ctx);
  const checked = mode === 'native' ? await checkSeat(ctx) : await checkCustomerAccess(ctx);
  return { ...checked, warnings: [...(checked.warnings ?? []), ...(await webhookWarnings(ctx))] };
}

const blame = (field: string, reason: string, kind: 'auth' | 'rejected' = 'rejected'): LivechatError =>
  new LivechatError({ operation: 'verify', kind, field, reason });

/** Puts a refusal at the field that causes it; failures of the network stay what they are. */
async function orBlame<T>(work: Promise<T>, field: string, reason: (error: LivechatError) => string): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const refused = error instanceof LivechatError && ['auth', 'rejected', 'not_found'].includes(error.kind);
    throw refused ? error.at(field, reason(error)) : error;
  }
}

async function checkOrganization(ctx: Context): Promise<void> {
  const url = `${apiUrl(ctx, 'customer/action/get_dynamic_configuration')}?${organization(ctx)}&group_id=0`;
  const found = await orBlame(
    call(ctx, 'verify', { method: 'GET', url, answer: dynamic }),
    'organizationId',
    () => 'LiveChat does not know this organization',
  );
  if (found.organization_id !== undefined && found.organization_id !== ctx.config.organizationId)
    throw blame('organizationId', 'LiveChat answered for another organization');
  if (found.livechat_active === false) throw blame('organizationId', 'LiveChat is not active for this organization');
}

async function checkCustomerAccess(ctx: Context): Promise<Verified> {
  const { groupId } = ctx.config;
  const customer = await orBlame(probeOf(ctx), 'clientId', (error) =>
    error.code === 'invalid_request'
      ? `LiveChat did not take the client id with this organization${quote(error)}`
      : `LiveChat refused the client id: check it, and add ${ctx.publicUrl} to the redirect URI whitelist of the ` +
        `app${quote(error)}`,
  );
  const { groups_status: found } = await customer.call('list_group_statuses', { all: true }, statuses);
  const warnings: string[] = [];
  const online = Object.values(found).filter((status) => status !== 'offline').length;
  if (groupId !== undefined) {
    const status = found[String(groupId)];
    if (status === undefined) throw blame('groupId', `LiveChat has no group ${groupId}`);
    if (status === 'offline') warnings.push(`Group ${groupId} is offline: users will wait until an agent comes.`);
  } else if (online === 0) {
    warnings.push('No group is online: users will wait until an agent comes.');
  }
  return { detail: `organization ${ctx.config.organizationId}, ${online} groups online`, warnings };
}

async function checkSeat(ctx: Context): Promise<Verified> {
  const { agentEmail = '', accountId, groupId } = ctx.config;
  const seats = await needs(ctx, 'configuration/list_agents', { fields: ['groups'] }, agents, 'agents--all:ro');
  const seat = seats.find(({ id }) => id.toLowerCase() === agentEmail.toLowerCase());
  if (seat === undefined) throw blame('agentEmail', 'no human agent of this license has this e-mail');
  if (seat.suspended === true) throw blame('agentEmail', 'this agent is suspended');
  if (seat.account_id !== undefined && seat.account_id !== accountId)
    throw blame('accountId', 'the token must be made by the account of the agent seat');
  const all = await needs(ctx, 'configuration/list_groups', {}, groups, 'groups--all:ro');
  const group = all.find(({ id }) => id === groupId);
  if (group === undefined) throw blame('groupId', `LiveChat has no group ${groupId ?? ''}`.trim());
  await needs(ctx, 'agent/list_chats', { limit: 1 }, NOTHING, 'chats--all:rw or chats--access:rw');
  const isMember = seat.groups?.some(({ id }) => id === groupId) === true;
  const warning = `${agentEmail} is a member of group ${group.name ?? groupId}: LiveChat may give handoffs back to the bot.`;
  return {
    detail: `agent ${seat.name ?? seat.id}, group ${group.name ?? group.id}`,
    warnings: isMember ? [warning] : [],
  };
}

/** A call that the token must be allowed to make. */
async function needs<T>(
  ctx: Context,
  what: `${'agent' | 'configuration'}/${string}`,
  body: unknown,
  answer: z.ZodType<T>,
  scope: string,
): Promise<T> {
  return await orBlame(agentCall(ctx, 'verify', what, body, answer), 'token', (error) =>
    isLivechat(error, 'authorization', 'missing_access', 'not_allowed')
      ? `the personal access token lacks the scope ${scope}`
      : `LiveChat refused the account ID or the personal access token${quote(error)}`,
  );
}

async function webhookWarnings(ctx: Context): Promise<string[]> {
  const { accountId, token, clientId } = ctx.config;
  if (accountId === undefined || token === undefined) return [];
  try {
    await agentCall(ctx, 'verify', 'configuration/list_webhooks', { owner_client_id: clientId }, NOTHING);
    return [];
  } catch (error) {
    if (isLivechat(error, 'authorization', 'missing_access', 'not_allowed'))
      return ['The token lacks the scope webhooks.configuration:rw: the webhooks must be made by hand.'];
    const refused = error instanceof LivechatError && (error.kind === 'rejected' || error.kind === 'not_found');
    throw refused ? error.at('clientId', `LiveChat refused the client id${quote(error)}`) : error;
  }
}

/** The vendor's own words: nothing of a user is in a check. */
const quote = ({ detail, code }: LivechatError): string => {
  const words = [code, detail].filter(Boolean).join(': ').slice(0, 200);
  return words === '' ? '' : ` (${words})`;
};

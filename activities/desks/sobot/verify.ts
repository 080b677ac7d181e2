import { fields, list } from '../../http/json.ts';
import type { Verified } from '../desk.ts';
import { call, type Context, freshToken } from './client.ts';
import { SobotError } from './failures.ts';
import { number, text } from './shapes.ts';

const UNSEEN =
  'Without message forwarding Baton does not see the humans\' chat: set onWaitTimeout to "close" and ' +
  'waitTimeoutSeconds to the longest chat you expect (up to 86,400).';
const UNSIGNED = 'Sobot signs neither questions nor pushes: keep the webhook address secret.';

/** The widget calls us, so there is only something to look at with credentials of the open platform. */
export async function verify(ctx: Context): Promise<Verified> {
  const { way, appId, forwardKey } = ctx.config;
  const warnings = [UNSIGNED, ...(way === 'widget' && forwardKey === undefined ? [UNSEEN] : [])];
  if (way === 'widget' && appId === undefined) {
    const detail = 'Nothing to call: Sobot calls this service. The first question of a visitor shows that it works.';
    return { detail, warnings };
  }
  await checkApp(ctx);
  const agents = number(fields(await call(ctx, 'verify', 'get_once_data'))['admin_size']);
  if (agents === 0) warnings.push('No agent is logged in at the moment.');
  const group = await checkGroups(ctx);
  const counted = agents === undefined ? 'token accepted' : `${agents} agents logged in`;
  return { detail: group === undefined ? counted : `${counted}, group ${group}`, warnings };
}

async function checkApp(ctx: Context): Promise<void> {
  try {
    await freshToken(ctx, 'verify');
  } catch (error) {
    if (!(error instanceof SobotError) || error.field !== undefined) throw error;
    if (error.code === '900004') throw error.at('appId', 'Sobot has no API configuration for this app ID (900004)');
    if (error.code === '700046') throw error.at('appId', 'this edition of Sobot may not use the API (700046)');
    if (error.kind === 'auth') throw error.at('appKey', 'Sobot refused app ID and app key: check both and the region');
    if (error.kind === 'not_found') throw error.at('region', 'this address has no open platform: check the region');
    throw error;
  }
}

/** Gives back the name of the group, where one is set. */
async function checkGroups(ctx: Context): Promise<string | undefined> {
  const { way, groupId, groupName } = ctx.config;
  const wantsName = way === 'widget' && groupName !== undefined;
  if (groupId === undefined && !wantsName) return undefined;
  const groups = list(await call(ctx, 'verify', 'query_group')).map(fields);
  const byId = groups.find((group) => text(group['groupid']) === groupId);
  if (groupId !== undefined && byId === undefined) throw unknown('groupId', 'Sobot has no group with this ID');
  if (wantsName && !groups.some((group) => group['group_name'] === groupName)) {
    throw unknown('groupName', 'Sobot has no group with this name');
  }
  return text(byId?.['group_name']) ?? groupName ?? groupId;
}

const unknown = (field: string, reason: string): SobotError =>
  new SobotError({ operation: 'verify', kind: 'rejected', field, reason });

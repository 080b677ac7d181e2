import { z } from 'zod';
import type { Mode } from '../../../workflows/contracts.ts';
import { DeskError } from '../../errors.ts';
import type { Verified } from '../desk.ts';
import { meShape, readMe } from './admin.ts';
import { call, deskError } from './client.ts';
import type { Context } from './config.ts';
import { rememberWorkspace } from './links.ts';

const teamsShape = z.object({ teams: z.array(z.object({ id: z.union([z.string(), z.number()]).transform(String) })) });

/** Reads only: the token, its region and permissions, the teammate and the team. */
export async function verify(ctx: Context, mode: Mode): Promise<Verified> {
  const me = await readMe(ctx, 'verify');
  const region = me.app?.region?.toLowerCase();
  if (region !== undefined && region !== '' && region !== ctx.config.region) {
    throw deskError('verify', 'rejected', `the workspace is in region ${region}`, { field: 'region' });
  }
  const acting = ctx.config.adminId === undefined ? me : await readAdmin(ctx, ctx.config.adminId);
  if (ctx.config.teamId !== undefined) await checkTeam(ctx, ctx.config.teamId);
  await checkReading(ctx);
  await rememberWorkspace(ctx, me.app?.id_code);
  const warnings = [
    ...(acting.has_inbox_seat === false
      ? [`${acting.name ?? acting.id} has no Inbox seat: Intercom may refuse notes and assignments in this name.`]
      : []),
    ...(ctx.config.adminId === undefined
      ? [`Without a teammate of the bot, notes and closings appear in the name of ${me.name ?? me.id}.`]
      : []),
    ...(mode === 'external' && ctx.config.teamId === undefined
      ? ['Without a team, the assignment rules of the workspace decide who gets a handoff.']
      : []),
  ];
  const detail = `workspace ${me.app?.name ?? 'without a name'} (${me.app?.id_code ?? 'unknown'}), acting as ${acting.name ?? acting.id}`;
  return { detail, ...(warnings.length > 0 && { warnings }) };
}

async function readAdmin(ctx: Context, adminId: string): Promise<z.output<typeof meShape>> {
  const { status, body } = await call(ctx, {
    operation: 'verify',
    method: 'GET',
    path: `/admins/${encodeURIComponent(adminId)}`,
    accept: [404],
  });
  const admin = meShape.safeParse(body);
  if (status === 404 || !admin.success) {
    throw deskError('verify', 'rejected', 'there is no teammate with this id', { status, field: 'adminId' });
  }
  return admin.data;
}

async function checkTeam(ctx: Context, teamId: string): Promise<void> {
  const { status, body } = await call(ctx, { operation: 'verify', method: 'GET', path: '/teams' });
  const list = teamsShape.safeParse(body);
  if (!list.success) throw deskError('verify', 'protocol', 'the answer is not a list of teams', { status });
  if (list.data.teams.some(({ id }) => id === teamId)) return;
  throw deskError('verify', 'rejected', 'there is no team with this id', { status, field: 'teamId' });
}

/** Two searches that find nothing, for the permissions to read conversations and contacts. */
async function checkReading(ctx: Context): Promise<void> {
  const search = async (path: string, field: string, operator: string, value: unknown): Promise<void> => {
    await call(ctx, {
      operation: 'verify',
      method: 'POST',
      path,
      body: { query: { operator: 'AND', value: [{ field, operator, value }] }, pagination: { per_page: 1 } },
    });
  };
  await named('read conversations', search('/conversations/search', 'created_at', '>', Math.floor(ctx.now() / 1000)));
  await named('read users', search('/contacts/search', 'external_id', '=', 'baton-verify'));
}

/** Intercom does not always say which permission it misses. */
async function named(permission: string, work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof DeskError && error.kind === 'auth' && error.status === 403)) throw error;
    throw deskError('verify', 'auth', `permission to ${permission}: ${error.message}`, {
      status: 403,
      field: 'accessToken',
      cause: error,
    });
  }
}

import type { Mode } from '../../../workflows/contracts.ts';
import type { Verified } from '../desk.ts';
import { type Named, readApps, readDepartments } from './apps.ts';
import type { Context } from './client.ts';
import { ZohoError } from './errors.ts';
import { accessToken, consentOf } from './oauth.ts';

const MOST_NAMES = 30;

/** Calls SalesIQ without changing anything there (note, section 9). */
export async function verify(ctx: Context, mode: Mode): Promise<Verified> {
  const { kind } = await consentOf(ctx, 'verify');
  if (mode === 'external' && kind !== 'org') {
    const reason = 'the consent was given for native mode: give it again, with a client of the type ORG';
    throw new ZohoError({ operation: 'verify', kind: 'auth', reason });
  }
  await accessToken(ctx, 'verify', { again: true });
  const department = await checkDepartment(ctx);
  const app = await checkApp(ctx);
  return {
    detail: `${ctx.config.screenName} in ${ctx.config.region}, department ${department.name}, brand ${app.name || app.id}`,
    warnings: warningsOf(ctx, mode),
  };
}

const blame = (field: string, reason: string): ZohoError =>
  new ZohoError({ operation: 'verify', kind: 'rejected', field, reason });

const namesOf = (all: readonly Named[]): string =>
  all
    .slice(0, MOST_NAMES)
    .map(({ id, name }) => `${name} (${id})`)
    .join(', ') || 'none';

async function checkDepartment(ctx: Context): Promise<Named> {
  const all = await readDepartments(ctx, 'verify');
  const choice = namesOf(all.filter(({ enabled }) => enabled));
  const found = all.find(({ id }) => id === ctx.config.departmentId);
  if (found === undefined) throw blame('departmentId', `SalesIQ has no such department; there are: ${choice}`);
  if (!found.enabled) throw blame('departmentId', `${found.name} is switched off in SalesIQ; there are: ${choice}`);
  return found;
}

async function checkApp(ctx: Context): Promise<Named> {
  const all = await readApps(ctx, 'verify');
  const { appId } = ctx.config;
  const found = appId === undefined ? all[0] : all.find(({ id }) => id === appId);
  if (found === undefined) throw blame('appId', `SalesIQ has no such brand switched on; there are: ${namesOf(all)}`);
  await ctx.memory.forget(`app.${ctx.config.screenName}`);
  return found;
}

function warningsOf({ config }: Context, mode: Mode): string[] {
  return [
    ...(config.publicKey === undefined
      ? ['No public key is set: who knows the webhook address can speak as an agent. Secure the webhook in SalesIQ.']
      : []),
    ...(mode === 'external'
      ? [
          'Whether the consent covers the Visitor API shows only in the first handoff: the client must be of the type ORG.',
        ]
      : ['OpenAI GPT-4o-mini may fail to call for a human in this mode: choose another model for the bot.']),
    ...(config.region === 'sa' || config.region === 'uk'
      ? [`The SalesIQ address of ${config.region} follows the rule of the other regions; Zoho does not document it.`]
      : []),
  ];
}

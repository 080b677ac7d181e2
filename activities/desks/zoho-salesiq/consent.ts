import type { Mode } from '../../../workflows/contracts.ts';
import type { Consent, Verified } from '../desk.ts';
import type { Context } from './exchange.ts';
import { addressesOf, type Region, REGIONS, type ZohoConfig } from './config.ts';
import { ZohoError } from './errors.ts';
import { exchangeCode } from './oauth.ts';

/** What both modes need; a changed list needs a new consent. */
const SCOPES = [
  'SalesIQ.conversations.ALL',
  'SalesIQ.departments.READ',
  'SalesIQ.apps.READ',
  'SalesIQ.webhooks.ALL',
  'SalesIQ.callbacks.UPDATE',
];

const fail = (reason: string, field?: string): ZohoError =>
  new ZohoError({ operation: 'consent', kind: 'rejected', reason, ...(field && { field }) });

/** External mode asks for the whole organization: the Visitor API takes no user's token (note, sections 0 and 3). */
export const consent: Consent<ZohoConfig> = {
  path: (mode) => `/api/console/bot/zoho/salesiq/${mode === 'external' ? 'org/' : ''}redirect`,
  url(config, { redirectUri, state, mode }) {
    const query = new URLSearchParams({
      response_type: 'code',
      client_id: config.clientId,
      scope: SCOPES.join(','),
      redirect_uri: redirectUri,
      access_type: 'offline',
      prompt: 'consent',
      state,
    });
    return `${addressesOf(config).accounts}/oauth/v2/${mode === 'external' ? 'org/' : ''}auth?${query.toString()}`;
  },
  finish,
};

async function finish(
  ctx: Context,
  { query, redirectUri, mode }: { query: Record<string, string>; redirectUri: string; mode: Mode },
): Promise<Verified> {
  if (query['error'] !== undefined) throw fail('the consent was refused at Zoho, or asked for too often');
  checkRegion(ctx.config, query);
  const { code } = query;
  if (code === undefined || code === '') throw fail('Zoho sent no code back');
  await exchangeCode(ctx, mode === 'external' ? 'org' : 'user', { code, redirectUri });
  return { detail: `Zoho has given access in the data centre ${ctx.config.region}` };
}

/** The secret goes to the configured data centre only, whatever the browser brings back. */
function checkRegion(config: ZohoConfig, query: Record<string, string>): void {
  const { location, 'accounts-server': server } = query;
  const isHere =
    server === undefined || [addressesOf(config).accounts, REGIONS[config.region].accounts].includes(bare(server));
  if (isHere && (location === undefined || location.toLowerCase() === config.region)) return;
  const named = Object.keys(REGIONS).find(
    (region) => region === location?.toLowerCase() || REGIONS[region as Region].accounts === bare(server ?? ''),
  );
  const where = named === undefined || named === config.region ? 'another data centre' : `the data centre ${named}`;
  throw fail(`your Zoho account is in ${where}, the settings say ${config.region}: choose its region`, 'region');
}

const bare = (address: string): string => address.replace(/\/+$/, '');

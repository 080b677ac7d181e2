import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { same } from '../guard.ts';
import type { Served, Shell } from '../shell.ts';
import { type ClientKind, type GrantLimits, type Grants, type Issued, OauthRefusal, readScopes } from './grants.ts';
import type { Fields } from './model.ts';
import { ACCOUNTS, type World } from './world.ts';

export interface AccountsOptions extends GrantLimits {
  /** Addresses that are registered for the client; none = every address is accepted. */
  redirectUris?: readonly string[] | undefined;
}

/** `{base}/accounts`: the consent pages and the token endpoint. */
export function registerAccounts(
  app: FastifyInstance,
  { world, grants, shell }: { world: World; grants: Grants; shell: Shell },
  options: AccountsOptions,
): void {
  const serve = async (request: FastifyRequest, reply: FastifyReply, work: () => Served): Promise<unknown> =>
    await shell.serve(request, reply, undefined, work);

  for (const kind of ['org', 'user'] as const) {
    app.get(`/accounts/oauth/v2/${kind === 'org' ? 'org/' : ''}auth`, async (request, reply) => {
      const own = `${request.protocol}://${request.host}${app.prefix}/accounts`;
      return await serve(request, reply, () => consentPage(request.query as Record<string, string>, kind, own));
    });
  }

  function consentPage(query: Record<string, string>, kind: ClientKind, own: string): Served {
    const { client_id: clientId, redirect_uri: redirectUri = '', scope = '', response_type: type } = query;
    // An error that must not go to an address that nobody has registered.
    if (clientId !== world.clientId) return page('Invalid Client: the client does not exist');
    if (!URL.canParse(redirectUri) || options.redirectUris?.includes(redirectUri) === false) {
      return page('Invalid Redirect Uri');
    }
    const back = new URL(redirectUri);
    const to = (answer: Record<string, string>): Served => {
      const state = query['state'] === undefined ? {} : { state: query['state'] };
      for (const [name, value] of Object.entries({ ...state, ...answer })) back.searchParams.set(name, value);
      return { status: 302, headers: { location: back.href } };
    };
    if (type !== 'code') return to({ error: 'invalid_response_type' });
    const scopes = readScopes(scope);
    if (scopes === undefined) return to({ error: 'invalid_scope' });
    if (world.switches.consent === 'deny' || query['consent'] === 'deny') return to({ error: 'access_denied' });
    const code = grants.newCode({ kind, scopes, redirectUri, offline: query['access_type'] === 'offline' });
    if (code === undefined) return to({ error: 'access_denied' });
    const { location } = world.switches;
    const server = location === world.region ? own : (ACCOUNTS[location] ?? own);
    return to({ code, location, 'accounts-server': server });
  }

  app.post('/accounts/oauth/v2/token', async (request, reply) => {
    return await serve(request, reply, () => {
      try {
        return { body: tokenBody(issue(fieldsOf(request))) };
      } catch (error) {
        if (!(error instanceof OauthRefusal)) throw error;
        return refusal(error);
      }
    });
  });

  function issue(fields: Record<string, string>): Issued {
    const { grant_type: grantType, client_id: clientId = '', client_secret: secret = '' } = fields;
    if (clientId !== world.clientId) throw new OauthRefusal('invalid_client');
    if (!same(secret, world.clientSecret)) throw new OauthRefusal('invalid_client_secret');
    if (grantType === 'authorization_code') {
      return grants.exchange(fields['code'] ?? '', fields['redirect_uri'] ?? '');
    }
    if (grantType === 'refresh_token') return grants.refresh(fields['refresh_token'] ?? '');
    throw new OauthRefusal('invalid_grant_type');
  }

  function tokenBody({ accessToken, refreshToken }: Issued): Fields {
    const { tokenSeconds } = options;
    return {
      access_token: accessToken,
      ...(refreshToken !== undefined && { refresh_token: refreshToken }),
      expires_in_sec: tokenSeconds,
      api_domain: 'https://www.zohoapis.eu',
      token_type: 'Bearer',
      expires_in: tokenSeconds * (world.switches.expiresInMs ? 1000 : 1),
    };
  }

  function refusal({ error, throttled }: OauthRefusal): Served {
    const description = 'You have made too many requests continuously. Please try again after some time.';
    if (throttled) return { status: 400, body: { error, error_description: description, status: 'failure' } };
    return { status: world.switches.errorsAs4xx ? 400 : 200, body: { error } };
  }

  app.post('/accounts/oauth/v2/token/revoke', async (request, reply) => {
    return await serve(request, reply, () => {
      const isKnown = grants.revoke(fieldsOf(request)['token'] ?? '');
      return isKnown ? { body: { status: 'success' } } : { body: { error: 'invalid_token' } };
    });
  });
}

/** Credentials may be in the body or in the query. */
function fieldsOf({ body, query }: FastifyRequest): Record<string, string> {
  const form = Buffer.isBuffer(body) ? new URLSearchParams(body.toString('utf8')) : [];
  return { ...(query as Record<string, string>), ...Object.fromEntries(form) };
}

const page = (text: string): Served => ({
  status: 400,
  headers: { 'content-type': 'text/html' },
  body: `<h1>${text}</h1>`,
});

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Customer, Fields } from './model.ts';
import { isFields, newHexId } from './model.ts';
import type { Served, Shell } from '../shell.ts';
import { jsonOf } from '../shell.ts';
import type { World } from './world.ts';
import { newCustomer } from './world.ts';

/** An error of the Accounts API: another shape than everywhere else. */
class OauthError extends Error {
  readonly exception: string;
  readonly details: string | undefined;

  constructor(exception: string, message: string, details?: string) {
    super(message);
    this.exception = exception;
    this.details = details;
  }
}

export interface AccountsOptions {
  /** Redirect URI whitelist of the app; none = every address is accepted. */
  redirectUris?: readonly string[] | undefined;
  /** Each token call gives a new cookie secret and makes the one before worthless. */
  rotateCookies?: boolean | undefined;
}

const TOKEN_SECONDS = 28_800;
const COOKIE_SECONDS = 63_072_000;

/** `{base}/accounts`: customer tokens, out of which one can talk to agents. */
export function registerAccounts(app: FastifyInstance, world: World, shell: Shell, options: AccountsOptions): void {
  const serve = async (request: FastifyRequest, reply: FastifyReply, work: () => Served): Promise<unknown> =>
    await shell.serve(request, reply, undefined, work);

  const routes = async (accounts: FastifyInstance): Promise<void> => {
    accounts.setErrorHandler(async (error: unknown, _request, reply) => {
      if (!(error instanceof OauthError)) throw error;
      const details = error.details === undefined ? {} : { exception_details: error.details };
      const body = { oauth_exception: error.exception, exception_description: error.message, ...details };
      return await reply.code(401).send(body);
    });
    accounts.post('/v2/customer/token', async (request, reply) => {
      return await serve(request, reply, () => issue(world, request, options));
    });
    accounts.get('/v2/customer/info', async (request, reply) => {
      return await serve(request, reply, () => ({ body: tokenInfo(world, presentedToken(request)) }));
    });
    accounts.delete('/v2/customer/token', async (request, reply) => {
      return await serve(request, reply, () => {
        const token = presentedToken(request);
        tokenInfo(world, token);
        world.customerTokens.delete(token);
        return {};
      });
    });
  };
  app.register(routes, { prefix: '/accounts' });
}

function issue(world: World, request: FastifyRequest, options: AccountsOptions): Served {
  const body = jsonOf(request);
  if (!isFields(body)) throw new OauthError('invalid_request', 'The body is not JSON.');
  const { grant_type: grant, client_id: clientId } = body;
  if (grant !== 'cookie' && grant !== 'agent_token') {
    throw new OauthError('unsupported_grant_type', 'The grant type is not supported.');
  }
  if (clientId !== world.clientId || !world.installed) {
    throw new OauthError('unauthorized_client', 'The client is not known.', 'client_id_not_found');
  }
  if (grant === 'agent_token') return { body: grantToken(world, customerOfAgent(world, request, body)) };
  checkRedirect(body['redirect_uri'] ?? request.headers.origin, options.redirectUris);
  if (body['organization_id'] !== world.organizationId) {
    throw new OauthError('invalid_request', 'organization_id is missing or unknown.');
  }
  const customer = customerOfCookies(world, request.headers.cookie ?? '') ?? newCustomer(world);
  if (options.rotateCookies === true) customer.cookieSecret = newHexId(38);
  const cookies = [cookie(request, '__lc_cid', customer.id), cookie(request, '__lc_cst', customer.cookieSecret)];
  return { body: grantToken(world, customer), headers: { 'set-cookie': cookies } };
}

function grantToken(world: World, customer: Customer): Fields {
  const token = `dal:${newHexId(20)}`;
  world.customerTokens.set(token, { customerId: customer.id, expiresAt: Date.now() + TOKEN_SECONDS * 1000 });
  return tokenInfo(world, token);
}

function tokenInfo(world: World, token: string): Fields {
  const known = world.customerTokens.get(token);
  if (known === undefined || known.expiresAt <= Date.now()) {
    throw new OauthError('access_denied', 'The token is not valid.');
  }
  return {
    access_token: token,
    client_id: world.clientId,
    entity_id: known.customerId,
    expires_in: Math.ceil((known.expiresAt - Date.now()) / 1000),
    token_type: 'Bearer',
    organization_id: world.organizationId,
  };
}

function presentedToken({ headers, query }: FastifyRequest): string {
  const { code } = query as { code?: string };
  return code ?? (headers.authorization ?? '').replace(/^Bearer /, '');
}

/** Needs an agent's own token: a personal access token is refused. */
function customerOfAgent(world: World, { headers }: FastifyRequest, { entity_id: id }: Fields): Customer {
  const agent = world.agentTokens.get((headers.authorization ?? '').replace(/^Bearer /, ''));
  if (agent === undefined) throw new OauthError('access_denied', 'The agent token is missing or not valid.');
  if (!agent.scopes.has('customers:own')) throw new OauthError('access_denied', 'The scope customers:own is missing.');
  if (id === undefined) return newCustomer(world);
  const customer = world.customers.get(String(id));
  if (customer === undefined) throw new OauthError('resource_not_found', 'The customer does not exist.');
  return customer;
}

function customerOfCookies(world: World, header: string): Customer | undefined {
  const cookies = new Map(header.split(/;\s*/).map((pair) => pair.split('=', 2) as [string, string]));
  const customer = world.customers.get(cookies.get('__lc_cid') ?? '');
  return customer !== undefined && customer.cookieSecret === cookies.get('__lc_cst') ? customer : undefined;
}

const cookie = ({ hostname }: FastifyRequest, name: string, value: string): string => {
  const expires = new Date(Date.now() + COOKIE_SECONDS * 1000).toUTCString();
  const rest = `Path=/v2/customer; Domain=${hostname}; Expires=${expires}; Max-Age=${COOKIE_SECONDS}`;
  return `${name}=${value}; ${rest}; HttpOnly; Secure; SameSite=None`;
};

/** Scheme and host must be the same, the path must begin with the listed one. */
function checkRedirect(given: unknown, whitelist: readonly string[] | undefined): void {
  if (typeof given !== 'string' || !URL.canParse(given)) {
    throw new OauthError('unauthorized_client', 'redirect_uri is missing or no address.', 'redirect_uri_not_set');
  }
  const wanted = new URL(given);
  const isPlain = wanted.search === '' && wanted.hash === '' && !/\/\.\.?(\/|$)/.test(given);
  const isListed = whitelist?.some((uri) => {
    const { origin, pathname } = new URL(uri);
    return origin === wanted.origin && wanted.pathname.startsWith(pathname);
  });
  if (!isPlain || isListed === false) {
    throw new OauthError('unauthorized_client', 'The redirect URI is not on the whitelist.', 'invalid_redirect_uri');
  }
}

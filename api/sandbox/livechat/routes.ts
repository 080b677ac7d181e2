import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { SandboxOperation } from '../desk-sandbox.ts';
import type { RefusingFault } from '../faults.ts';
import { type AccountsOptions, registerAccounts } from './accounts.ts';
import { AGENT_SCOPES, agentActions, agentOfCall, checkScopes } from './agent.ts';
import type { Chats } from './chats.ts';
import { CONFIGURATION_SCOPES, configurationActions, webhookNames } from './configuration.ts';
import { type Action, customerActions, customerOfCall, dynamicConfiguration } from './customer.ts';
import { UPLOAD_BODY_LIMIT } from './files.ts';
import type { Fields } from './model.ts';
import { invalid, isFields, LivechatError, typeOfStatus } from './model.ts';
import type { World } from './world.ts';
import type { OutgoingWebhook } from '../outgoing.ts';
import { jsonOf, type Served, type Shell } from '../shell.ts';

interface RouteOptions extends AccountsOptions {
  world: World;
  chats: Chats;
  shell: Shell;
  /** Takes the webhooks that were caused since it was asked before. */
  drain(): OutgoingWebhook[];
}

type Side = 'customer' | 'agent' | 'configuration';

/** Versions that are answered, with the header that announces the end of an old one. */
const VERSIONS: Record<string, Record<string, string>> = {
  'v3.4': { deprecation: '2027-01-01' },
  'v3.5': { legacy: '2027-08-01' },
  'v3.6': {},
};

/** Every route of the desk. */
export function registerLivechat(app: FastifyInstance, options: RouteOptions): void {
  const { world, shell } = options;
  app.setErrorHandler(async (error: unknown, _request, reply) => {
    if (!(error instanceof LivechatError)) throw error;
    const { type, message, data } = error;
    return await reply.code(error.status).send({ error: { type, message, data } });
  });
  registerAccounts(app, world, shell, options);

  for (const side of ['customer', 'agent', 'configuration'] as const) {
    app.route({
      method: ['GET', 'POST'],
      url: `/api/:version/${side}/action/:action`,
      bodyLimit: UPLOAD_BODY_LIMIT,
      handler: async (request, reply) => {
        const { version, action } = request.params as { version: string; action: string };
        const operation = operationOf(side, action, jsonOf(request));
        return await shell.serve(request, reply, operation, async () => {
          const headers = VERSIONS[version];
          if (headers === undefined) {
            throw new LivechatError('unsupported_version', 'Cannot call unsupported API versions.');
          }
          return { headers, ...(await act(side, action, request, options)) };
        });
      },
    });
  }

  app.get('/cdn/api/file/lc/att/:license/:hash/:name', async (request, reply) => {
    const { hash, name } = request.params as { hash: string; name: string };
    const file = world.files.get(`${hash}/${encodeURIComponent(name)}`);
    if (file === undefined) return await reply.code(404).send({});
    return await reply.type(file.contentType).send(file.bytes);
  });
}

/** Which of Baton's operations a call is, so that faults can be aimed at them. */
function operationOf(side: Side, action: string, body: unknown): SandboxOperation | undefined {
  if (action === 'get_dynamic_configuration' || action === 'list_groups') return 'verify';
  if (!isFields(body)) return undefined;
  if (action === 'send_event') {
    return (body['event'] as Fields | undefined)?.['visibility'] === 'agents' ? undefined : 'send';
  }
  if (side === 'customer') {
    if (action === 'start_chat' || action === 'resume_chat') return 'open';
    return action === 'deactivate_chat' ? 'close' : undefined;
  }
  if (action !== 'transfer_chat') return undefined;
  return (body['target'] as Fields | undefined)?.['type'] === 'agent' ? 'close' : 'open';
}

async function act(side: Side, action: string, request: FastifyRequest, options: RouteOptions): Promise<Served> {
  const { world, drain } = options;
  if (side === 'customer' && action === 'get_dynamic_configuration') {
    return { body: dynamicConfiguration(world, request) };
  }
  if (side === 'configuration' && action === 'list_webhook_names') return { body: webhookNames() };
  const run = allowed(side, action, request, options);
  const isUpload = action === 'upload_file';
  const given = isUpload ? {} : (jsonOf(request) ?? (request.method === 'GET' ? {} : undefined));
  if (!isFields(given)) throw invalid('Wrong format of request');
  const body = run(given, request);
  // Before anything else can run: what it has caused goes out with its own answer.
  const webhooks = drain();
  return { body: await body, webhooks };
}

/** The action, when this caller may do it. */
function allowed(side: Side, action: string, request: FastifyRequest, { world, chats }: RouteOptions): Action {
  let actions: Record<string, Action>;
  if (side === 'customer') {
    actions = customerActions(world, chats, customerOfCall(world, request));
  } else {
    const caller = agentOfCall(world, request);
    checkScopes(caller, (side === 'agent' ? AGENT_SCOPES : CONFIGURATION_SCOPES)[action]);
    actions = side === 'agent' ? agentActions(world, chats, caller) : configurationActions(world);
  }
  const run = Object.hasOwn(actions, action) ? actions[action] : undefined;
  if (run === undefined) throw new LivechatError('not_found', 'Unknown action');
  return run;
}

/** A fault, in the words of the Chat and Configuration APIs. LiveChat tells nobody when its rate limit ends. */
export function refuseFault(reply: FastifyReply, fault: RefusingFault): unknown {
  const status = fault.kind === 'rate_limit' ? 429 : fault.status;
  const type = (fault.kind === 'status' ? fault.code : undefined) ?? typeOfStatus(status);
  if (fault.kind === 'status' && fault.retryAfter !== undefined) reply.header('retry-after', fault.retryAfter);
  // What LiveChat never says comes from something in front of it.
  if (type === undefined) return reply.code(status).type('text/html').send('<h1>A fault of the sandbox</h1>');
  const data = type === 'misdirected_request' ? { region: 'fra' } : {};
  const message = type === 'too_many_requests' ? 'Too many requests' : 'A fault of the sandbox';
  return reply.code(status).send({ error: { type, message, data } });
}

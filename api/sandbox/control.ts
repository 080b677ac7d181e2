import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { DeskSandbox, SandboxFile, SandboxMount, WebhookBehaviour } from './desk-sandbox.ts';
import { OPERATION_HINT, readFault, readOperation } from './faults.ts';
import { guardControl } from './guard.ts';
import { readBehaviour } from './outgoing.ts';
import type { SandboxCall } from './shell.ts';

interface ControlOptions {
  /** Bearer token of the control calls. */
  token: string | undefined;
  mount: SandboxMount;
  calls: readonly SandboxCall[];
  /** Under which Baton reaches the desk; default: as the control call names our host. */
  baseUrl: string | undefined;
}

type Fields = Record<string, unknown>;

/** What is said about a control call that cannot be done. */
export class BadControl extends Error {
  readonly statusCode = 400;
}

/** Programs a sandbox over HTTP, under `_control/`. Errors are `{ error }` with 400, 401 or 404. */
export function registerControl(app: FastifyInstance, sandbox: DeskSandbox, options: ControlOptions): void {
  const { token, calls, mount } = options;
  guardControl(app, token, mount);

  app.get('/calls', async () => ({ calls: calls.map(masked), arrivals: sandbox.arrivals() }));
  app.get('/settings', async (request) => {
    const { mode = 'external' } = request.query as { mode?: string };
    if (mode !== 'external' && mode !== 'native') throw new BadControl('mode must be external or native');
    return sandbox.settings(options.baseUrl ?? calledAs(app, request), mode);
  });

  app.post('/faults', async ({ body }) => {
    const { operation: given, ...input } = fieldsOf(body);
    const operation = readOperation(given);
    if (operation === undefined) throw new BadControl(OPERATION_HINT);
    const fault = readFault(input);
    if (typeof fault === 'string') throw new BadControl(fault);
    sandbox.fault(operation, fault);
    return { operation, ...fault };
  });
  app.delete('/faults', async (_request, reply) => await done(reply, sandbox.clearFaults()));
  app.post('/webhooks', async ({ body }, reply) => {
    return await done(reply, sandbox.webhooks(behaviourOf(body)));
  });
  app.post('/connect', async ({ body }, reply) => {
    const webhookUrl = textOf(fieldsOf(body), 'webhookUrl');
    if (!URL.canParse(webhookUrl)) throw new BadControl('webhookUrl must be an address');
    return await done(reply, sandbox.connect({ webhookUrl }));
  });
  app.post('/expire-tokens', async (_request, reply) => await done(reply, sandbox.expireTokens()));
  app.post('/script', async ({ body }, reply) => {
    const { script } = fieldsOf(body);
    if (script !== 'silent' && script !== 'agent') throw new BadControl('script must be silent or agent');
    return await done(reply, sandbox.setScript(script));
  });
  app.post('/reset', async (_request, reply) => await done(reply, sandbox.reset()));
  registerTalks(app, sandbox);
  registerPeople(app, sandbox);
}

/** The sandbox's own address as the caller of its control names it. */
export const calledAs = (app: FastifyInstance, { protocol, host }: FastifyRequest): string =>
  `${protocol}://${host}${app.prefix.replace(/\/_control$/, '')}`;

export function behaviourOf(body: unknown): WebhookBehaviour {
  const behaviour = readBehaviour(body);
  if (typeof behaviour === 'string') throw new BadControl(behaviour);
  return behaviour;
}

/** `limit`: only the newest. Another `since` says that the sandbox was started again, with nothing of what was before. */
export function registerTalks(app: FastifyInstance, sandbox: Pick<DeskSandbox, 'conversations' | 'state'>): void {
  const since = new Date().toISOString();
  app.get('/conversations', async ({ query }) => {
    const { limit = '1000' } = query as { limit?: string };
    if (!/^[1-9]\d{0,3}$/.test(limit)) throw new BadControl('limit is 1 to 9999');
    return { since, conversations: sandbox.conversations().slice(-Number(limit)) };
  });
  app.get('/state', async () => sandbox.state());
}

/** Each step of the human answers `{ status }`: what Baton answered to the webhook. */
export function registerPeople(
  app: FastifyInstance,
  sandbox: Pick<DeskSandbox, 'human' | 'user' | 'conversation'>,
): void {
  const { human, user } = sandbox;
  const known = (fields: Fields): string => {
    const id = textOf(fields, 'conversationId');
    if (sandbox.conversation(id) === undefined) throw Object.assign(new BadControl('unknown conversation'), NOT_FOUND);
    return id;
  };
  const steps: Record<string, (id: string, fields: Fields) => Promise<number>> = {
    reply: (id, fields) =>
      human.reply(id, textOf(fields, 'text'), {
        ...(fields['agent'] !== undefined && { agent: textOf(fields, 'agent') }),
        ...filesOf(fields),
      }),
    note: (id, fields) => human.note(id, textOf(fields, 'text'), filesOf(fields)),
    transfer: (id, fields) => human.transfer(id, textOf(fields, 'agent')),
    close: (id, fields) => human.close(id, fields['text'] === undefined ? {} : { text: textOf(fields, 'text') }),
    'unknown-part': (id) => human.unknownPart(id),
  };
  for (const [name, step] of Object.entries(steps)) {
    app.post(`/human/${name}`, async ({ body }) => {
      const fields = fieldsOf(body);
      return { status: await step(known(fields), fields) };
    });
  }
  app.post('/user/writes', async ({ body }) => {
    const fields = fieldsOf(body);
    const to = fields['conversationId'] === undefined ? {} : { conversationId: known(fields) };
    return { conversationId: await user.writes(textOf(fields, 'text'), { ...to, ...filesOf(fields) }) };
  });
}

const NOT_FOUND = { statusCode: 404 };

const fieldsOf = (body: unknown): Fields => (typeof body === 'object' && body !== null ? (body as Fields) : {});

function textOf(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== 'string' || value === '') throw new BadControl(`${name} is needed, as text`);
  return value;
}

function filesOf({ files }: Fields): { files?: SandboxFile[] } {
  if (files === undefined) return {};
  const isFile = (file: unknown): boolean =>
    typeof fieldsOf(file)['url'] === 'string' && typeof fieldsOf(file)['name'] === 'string';
  if (!Array.isArray(files) || !files.every(isFile)) throw new BadControl('files is a list of { url, name }');
  return { files: files as SandboxFile[] };
}

const done = async (reply: FastifyReply, _result: void): Promise<unknown> => await reply.code(204).send();

const SECRET = /secret|token|password|authorization|cookie/i;

/** Credentials of the caller are not for everybody who looks at the sandbox. */
const masked = (call: SandboxCall): SandboxCall => ({
  ...(hidden(call) as SandboxCall),
  path: call.path.replace(/([?&][^=&]*(?:secret|token|password)[^=&]*=)[^&]*/gi, '$1***'),
});

function hidden(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(hidden);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name,
      SECRET.test(name) && (typeof inner === 'string' || Array.isArray(inner)) ? '***' : hidden(inner),
    ]),
  );
}

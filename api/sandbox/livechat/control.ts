import type { FastifyInstance } from 'fastify';
import type { LivechatSandbox } from './index.ts';
import type { GroupStatus } from './model.ts';

const STATUSES: readonly GroupStatus[] = ['online', 'offline', 'online_for_queue'];

/** What only LiveChat can do, under `_control/livechat/`. Steps answer `{ status }` or `{ conversationId }`. */
export function registerLivechatControl(app: FastifyInstance, sandbox: LivechatSandbox): void {
  const steps: Record<string, (conversationId: string, text: string | undefined) => Promise<number | string>> = {
    'router-closes': (id) => sandbox.routerCloses(id),
    'agent-resumes': (id, text) => sandbox.agentResumes(id, text),
    'rich-message': (id) => sandbox.richMessage(id),
    welcome: (id) => sandbox.welcome(id),
    supervise: (id) => sandbox.supervise(id),
    'ban-customer': (id) => sandbox.banCustomer(id),
  };
  for (const [name, step] of Object.entries(steps)) {
    app.post(`/livechat/${name}`, async (request, reply) => {
      const { conversationId, text } = (request.body ?? {}) as { conversationId?: unknown; text?: unknown };
      if (typeof conversationId !== 'string' || sandbox.conversation(conversationId) === undefined) {
        return await reply.code(404).send({ error: 'unknown conversation' });
      }
      const result = await step(conversationId, typeof text === 'string' ? text : undefined);
      return typeof result === 'number' ? { status: result } : { conversationId: result };
    });
  }

  app.post('/livechat/foreign-chat', async (request) => {
    const { text } = (request.body ?? {}) as { text?: unknown };
    return { conversationId: await sandbox.foreignChat(typeof text === 'string' ? text : 'Hello') };
  });
  app.post('/livechat/group-status', async (request, reply) => {
    const { groupId, status } = (request.body ?? {}) as { groupId?: unknown; status?: unknown };
    const known = STATUSES.find((one) => one === status);
    if (typeof groupId !== 'number' || known === undefined) {
      return await reply.code(400).send({ error: `groupId and status (${STATUSES.join(', ')}) are needed` });
    }
    return { status: await sandbox.setGroupStatus(groupId, known) };
  });
  app.post('/livechat/forget-cookies', async (_request, reply) => {
    sandbox.forgetCookies();
    return await reply.code(204).send();
  });
  app.post('/livechat/uninstall', async () => ({ status: await sandbox.uninstall() }));
  app.post('/livechat/install', async () => ({ status: await sandbox.install() }));
}

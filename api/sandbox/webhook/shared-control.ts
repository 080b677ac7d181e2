import type { FastifyInstance } from 'fastify';
import { BadControl, behaviourOf, calledAs, registerPeople, registerTalks } from '../control.ts';
import type { CountedFault as SharedFault, SandboxOperation, SandboxTalk } from '../desk-sandbox.ts';
import type { CountedFault } from './faults.ts';
import type { WebhookSandbox } from './index.ts';
import { addLine, type SandboxConversation, type SandboxEndpoint } from './records.ts';

const ENDPOINTS: Partial<Record<SandboxOperation, SandboxEndpoint>> = {
  open: 'establish',
  send: 'chat',
  close: 'close',
};

const OPERATIONS = Object.keys(ENDPOINTS) as SandboxOperation[];

/** The endpoint of an operation, in the words that all sandboxes share. */
export function endpointOf(operation: unknown): SandboxEndpoint {
  const endpoint = ENDPOINTS[operation as SandboxOperation];
  if (endpoint === undefined) throw new BadControl(`operation: ${OPERATIONS.join(', ')}`);
  return endpoint;
}

/** A fault in those words; none for what only this desk has. */
export function sharedFault({ endpoint, ...fault }: CountedFault & { endpoint: SandboxEndpoint }) {
  const operation = OPERATIONS.find((one) => ENDPOINTS[one] === endpoint);
  if (operation === undefined || fault.kind === 'code') return [];
  return [{ operation, ...fault } satisfies SharedFault & { operation: string }];
}

const talkOf = ({ id, closed, agent, lines }: SandboxConversation): SandboxTalk => ({
  id,
  closed: closed !== undefined,
  ...(agent !== undefined && closed === undefined && { assignee: agent.name }),
  messages: lines,
});

const agentCalled = (name: string) => ({ id: `sandbox-${name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}`, name });

/** What the sandboxes of all desks have under `_control/`, as far as a Webhook desk has it. */
export function registerShared(app: FastifyInstance, sandbox: WebhookSandbox, baseUrl: string | undefined): void {
  app.get('/settings', async (request) => {
    if (((request.query as { mode?: string }).mode ?? 'external') !== 'external')
      throw new BadControl('mode must be external');
    return { url: baseUrl ?? calledAs(app, request) };
  });
  app.post('/webhooks', async ({ body }, reply) => {
    const behaviour = behaviourOf(body);
    if (behaviour.reverse !== undefined) throw new BadControl('a Webhook desk has no reverse');
    sandbox.webhooks(behaviour);
    return await reply.code(204).send();
  });
  registerTalks(app, { conversations: () => sandbox.conversations.map(talkOf), state: () => sandbox.state() });
  registerPeople(app, {
    conversation(id) {
      const found = sandbox.conversation(id);
      return found && talkOf(found);
    },
    user: {
      async writes() {
        throw new BadControl('a Webhook desk has no messenger');
      },
    },
    human: humanOf(sandbox),
  });
}

function humanOf(sandbox: WebhookSandbox): Parameters<typeof registerPeople>[1]['human'] {
  /** Baton is not told: the contract has no words for it. Its next reply names the agent. */
  const inside = (id: string, change: (conversation: SandboxConversation) => void): number => {
    const conversation = sandbox.conversation(id);
    if (conversation !== undefined) change(conversation);
    return 0;
  };
  return {
    async reply(id, text, { agent, files } = {}) {
      const who = agent === undefined ? sandbox.conversation(id)?.agent : agentCalled(agent);
      const { status } = await sandbox.reply(id, text, {
        ...(who !== undefined && { agent: who }),
        ...(files !== undefined && { attachments: files }),
      });
      return status;
    },
    note: async (id, text, { files } = {}) =>
      inside(id, (conversation) => addLine(conversation, 'note', text, files ?? [])),
    transfer: async (id, name) =>
      inside(id, (conversation) => {
        conversation.agent = agentCalled(name);
        addLine(conversation, 'system', `The conversation is with ${name}.`);
      }),
    async close(id, { text } = {}) {
      if (text !== undefined) await sandbox.reply(id, text);
      return (await sandbox.close(id)).status;
    },
    unknownPart: async () => 0,
  };
}

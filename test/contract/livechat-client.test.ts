import { createRequire } from 'node:module';
import { Agent, Configuration, Customer } from '@livechat/lc-sdk-js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createLivechatSandbox, type LivechatSandbox } from '../../api/sandbox/livechat/index.ts';

/** The library's type asks for what only the desk can fill in. */
type Sent = Parameters<InstanceType<typeof Customer.Web>['sendEvent']>[1];
const message = (text: string, more: Record<string, string> = {}): Sent => ({ type: 'message', text, ...more }) as Sent;

/** The part of axios that the library calls with. */
interface Axios {
  interceptors: {
    request: {
      use(change: (call: { url?: string }) => object): number;
      eject(id: number): void;
    };
  };
}

let sandbox: LivechatSandbox;
let settings: { organizationId: string; clientId: string; secretKey: string; agentEmail: string };
let base: string;
let host: string;

// The library takes a host but always says https; nothing else of its calls is touched.
const axios = createRequire(createRequire(import.meta.url).resolve('@livechat/lc-sdk-js'))('axios') as Axios;
let interceptor: number;
beforeAll(() => {
  interceptor = axios.interceptors.request.use((call) => ({ ...call, url: call.url?.replace(/^https:/, 'http:') }));
});
afterAll(() => axios.interceptors.request.eject(interceptor));

beforeEach(async () => {
  sandbox = createLivechatSandbox();
  base = await sandbox.listen();
  host = `${base.replace('http://', '')}/api`;
  settings = sandbox.settings(base, 'native') as typeof settings;
});
afterEach(() => sandbox.stop());

async function customer() {
  const response = await fetch(`${base}/accounts/v2/customer/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      grant_type: 'cookie',
      client_id: settings.clientId,
      organization_id: settings.organizationId,
      redirect_uri: 'https://baton.example/in',
    }),
  });
  const { access_token: token, entity_id: id } = (await response.json()) as { access_token: string; entity_id: string };
  return { id, web: new Customer.Web(settings.clientId, tokenOf(token), { apiUrl: host }) };
}

const tokenOf = (accessToken: string) => () => ({
  accessToken,
  region: 'dal',
  organizationID: settings.organizationId,
});

describe("LiveChat's own client library, against the sandbox", () => {
  it('leads a chat as a customer from its start to its end', async () => {
    const { id, web } = await customer();
    await web.updateCustomer({ name: 'Lea', email: 'lea@user.example' });
    await web.setCustomerSessionFields([{ channel: 'whatsapp' }]);
    expect(await web.getCustomer()).toMatchObject({ id, type: 'customer', name: 'Lea', email: 'lea@user.example' });
    expect(await web.listGroupStatuses(true)).toEqual({ groups_status: { '0': 'online', '7': 'online' } });

    const events = [message('Help', { custom_id: 'one' })];
    const started = await web.startChat({ chat: { thread: { events } }, continuous: true });
    expect(started.event_ids).toEqual([`${started.thread_id}_1`]);
    const sent = await web.sendEvent(started.chat_id, message('Hello?'));

    const { threads } = await web.listThreads(started.chat_id);
    expect(threads).toHaveLength(1);
    expect(threads[0]!.events).toMatchObject([
      { id: started.event_ids![0], text: 'Help', custom_id: 'one', author_id: id },
      { id: sent.event_id, text: 'Hello?', author_id: id },
    ]);
    await web.deactivateChat(started.chat_id);
    await expect(web.sendEvent(started.chat_id, message('x'))).rejects.toMatchObject({
      type: 'chat_inactive',
    });
    const resumed = await web.resumeChat(started.chat_id);
    const listed = await web.listChats();
    expect(listed.chats_summary).toMatchObject([{ id: started.chat_id, last_thread_id: resumed.thread_id }]);
    expect((await web.getChat(started.chat_id)).thread).toMatchObject({ id: resumed.thread_id, active: true });
    expect(await web.getDynamicConfiguration()).toMatchObject({ livechat_active: true });
  });

  it('answers as an agent, hands the chat to a group and closes it', async () => {
    const id = await sandbox.user.writes('Hello');
    const chatId = id.split('.')[0]!;
    const web = new Agent.Web(settings.clientId, tokenOf(sandbox.agentToken()), { apiUrl: host });
    await web.sendEvent(chatId, message('I am a bot', { visibility: 'all' }));
    await web.sendEvent(chatId, message('he is angry', { visibility: 'agents' }));
    expect(sandbox.conversation(id)).toMatchObject({ assignee: settings.agentEmail });
    await web.transferChat(chatId, { target: { type: 'group', ids: [7] } });
    expect(sandbox.conversation(id)).toMatchObject({ assignee: 'ana@sandbox.example' });
    expect(sandbox.conversation(id)!.messages.map(({ from }) => from)).toEqual(['user', 'bot', 'note', 'system']);

    await expect(web.deactivateChat(chatId)).rejects.toMatchObject({ message: 'Requester is not user of the chat' });
    await web.deactivateChat(chatId, true);
    expect((await web.listChats()).chats_summary).toMatchObject([{ id: chatId }]);
    expect((await web.listThreads(chatId)).threads).toMatchObject([{ active: false }]);
    expect((await web.getChat(chatId)).users.map((user) => user.id)).toContain('ana@sandbox.example');
    expect(await web.listRoutingStatuses()).toContainEqual({
      agent_id: settings.agentEmail,
      status: 'accepting_chats',
    });
  });

  it('registers, lists and removes a webhook', async () => {
    const { clientId } = settings;
    const api = new Configuration.Web(clientId, tokenOf(sandbox.agentToken()), { apiUrl: host });
    const webhook = {
      url: 'https://baton.example/in',
      description: 'handoff',
      action: 'incoming_event',
      secret_key: 's3cret',
      type: 'license',
      filters: { author_type: 'agent' },
    };
    const { id } = await api.registerWebhook(webhook, clientId);
    const { secret_key: _secret, ...shown } = webhook;
    expect(await api.listWebhooks(clientId)).toEqual([{ id, ...shown, owner_client_id: clientId }]);
    expect(await api.getLicenseWebhooksState(clientId)).toEqual({ license_webhooks_enabled: true });
    await api.unregisterWebhook(id, clientId);
    expect(await api.listWebhooks(clientId)).toEqual([]);
    expect(await api.getAgent(settings.agentEmail)).toMatchObject({ id: settings.agentEmail, name: 'Assistant' });
    expect(await api.listGroups(['routing_status'])).toMatchObject([{ id: 0 }, { id: 7, routing_status: 'online' }]);
    expect(await api.listBots(true)).toMatchObject([{ name: 'Welcome bot' }]);
    expect((await api.listAgents()).map(({ id: agent }) => agent)).toContain('ben@sandbox.example');
  });

  it('reads the errors of the sandbox', async () => {
    const wrong = new Customer.Web(settings.clientId, tokenOf('dal:nothing'), { apiUrl: host });
    await expect(wrong.listChats()).rejects.toMatchObject({
      type: 'authentication',
      message: 'Invalid access token',
    });
    const limited = tokenOf(sandbox.agentToken(settings.agentEmail, ['chats--all:ro']));
    const api = new Configuration.Web(settings.clientId, limited, { apiUrl: host });
    await expect(api.listWebhooks(settings.clientId)).rejects.toMatchObject({
      type: 'authorization',
      message: expect.stringContaining('webhooks.configuration:ro'),
    });
  });
});

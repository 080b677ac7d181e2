import type { Served } from '../shell.ts';
import { type Call, bodyOf, conversationOf, list, messageOf, numberOf, one, type Route } from './call.ts';
import { type Conversation, isOpen, SiqError, textField } from './model.ts';
import { operatorOf, type Talks } from './talks.ts';
import { conversationView, departmentView, messageRow, operatorView, statusOf } from './views.ts';
import type { World } from './world.ts';
import type { Zobot } from './zobot.ts';

const PAGE = 20;

/** `/api/v2/{screenname}`: the portal, its conversations, and the late answers of the bot. */
export function restRoutes(world: World, talks: Talks, zobot: Zobot): Route[] {
  const paged = <T>(call: Call, items: T[], name = 'index'): T[] => {
    const page = numberOf(call, name, 1, [1, 1_000_000]);
    return items.slice((page - 1) * PAGE, page * PAGE);
  };

  function app(call: Call): Served {
    const found = world.apps.find(({ id }) => id === call.params['id']);
    if (found === undefined) throw new SiqError(1019);
    return one(call, 'app', found);
  }

  function conversations(call: Call): Served {
    const limit = numberOf(call, 'limit', PAGE, [1, 99]);
    const page = numberOf(call, 'page', 1, [1, 1_000_000]);
    const found = [...world.conversations.values()].filter((one) => passes(one, call.query)).toReversed();
    const rows = found.slice((page - 1) * limit, page * limit);
    return list(
      world,
      call,
      rows.map((one) => conversationView(world, one)),
    );
  }

  function messages(call: Call): Served {
    const conversation = conversationOf(world, call);
    const limit = numberOf(call, 'limit', PAGE, [1, 100]);
    const from = numberOf(call, 'from_time', 0, [0, Number.MAX_SAFE_INTEGER]);
    const to = numberOf(call, 'to_time', Number.MAX_SAFE_INTEGER, [0, Number.MAX_SAFE_INTEGER]);
    const lines = conversation.lines
      .filter(({ from: by, id }) => by !== 'note' && Number(id) >= from && Number(id) <= to)
      .map((line) => messageRow(conversation, line));
    return list(world, call, call.query['to_time'] === undefined ? lines.slice(0, limit) : lines.slice(-limit));
  }

  /** Whoever has the conversation says it. */
  async function sayAsOperator(call: Call): Promise<Served> {
    const { text, file } = await messageOf(call);
    const conversation = conversationOf(world, call);
    if (!isOpen(conversation)) throw new SiqError(1019);
    const files = file === undefined ? [] : [{ ...file, url: `https://files.salesiq.example/${world.tick()}` }];
    talks.operatorSays(conversation, operatorOf(world, conversation), text, files);
    return { status: 204 };
  }

  const close = (method: 'PUT' | 'POST'): Route => ({
    method,
    path: 'conversations/:id/close',
    scope: 'conversations.UPDATE',
    operation: 'close',
    run(call) {
      if (method !== world.switches.closeMethod) throw new SiqError(1004);
      const conversation = conversationOf(world, call);
      if (!isOpen(conversation)) throw new SiqError(1019);
      // An org token is nobody's.
      talks.complete(conversation, call.grant.kind === 'org' ? 'system' : 'agent');
      return one(call, 'conversations', conversationView(world, conversation));
    },
  });

  /** The method is not documented: both are taken. */
  const callbacks = ['POST', 'PUT'].flatMap((method): Route[] => [
    {
      method,
      path: 'callbacks/:id',
      scope: 'callbacks.UPDATE',
      run(call) {
        zobot.callback(call.params['id'] ?? '', bodyOf(call));
        return one(call, 'callback', { status: 'success' });
      },
    },
    {
      method,
      path: 'callbacks/:id/progress',
      scope: 'callbacks.UPDATE',
      run(call) {
        zobot.progress(call.params['id'] ?? '', textField(bodyOf(call), 'text'));
        return one(call, 'callback', { status: 'success' });
      },
    },
  ]);

  return [
    {
      method: 'GET',
      path: 'departments',
      scope: 'departments.READ',
      operation: 'verify',
      run: (call) => {
        const rows = paged(call, world.departments).map((one) => departmentView(world, one));
        return list(world, call, rows, { CRC: '301122' });
      },
    },
    { method: 'GET', path: 'apps', scope: 'apps.READ', run: (call) => list(world, call, world.apps) },
    { method: 'GET', path: 'apps/:id', scope: 'apps.READ', run: app },
    {
      method: 'GET',
      path: 'operators',
      scope: 'operators.READ',
      run: (call) => list(world, call, paged(call, world.operators).map(operatorView)),
    },
    { method: 'GET', path: 'conversations', scope: 'conversations.READ', run: conversations },
    {
      method: 'GET',
      path: 'conversations/:id',
      scope: 'conversations.READ',
      run: (call) => one(call, 'conversations', conversationView(world, conversationOf(world, call))),
    },
    { method: 'GET', path: 'conversations/:id/messages', scope: 'conversations.READ', run: messages },
    { method: 'POST', path: 'conversations/:id/messages', scope: 'conversations.CREATE', run: sayAsOperator },
    close('PUT'),
    close('POST'),
    ...callbacks,
  ];
}

/** The filters of the list. */
function passes(conversation: Conversation, query: Record<string, string>): boolean {
  const { startTime, modifiedTime, departmentId, appId, owner, visitor } = conversation;
  const limits: [name: string, ok: (value: string) => boolean][] = [
    ['status', (value) => hasStatus(conversation, value)],
    ['department_id', (value) => value === departmentId],
    ['app_id', (value) => value === appId],
    ['attender_id', (value) => value === owner?.id],
    ['email', (value) => value.split(',').includes(visitor.email)],
    ['from_time', (value) => startTime > Number(value)],
    ['to_time', (value) => startTime < Number(value)],
    ['updated_from_time', (value) => modifiedTime > Number(value)],
    ['updated_till_time', (value) => modifiedTime < Number(value)],
    ['visitor_type', (value) => value === 'lead'],
  ];
  return limits.every(([name, ok]) => query[name] === undefined || ok(query[name]));
}

function hasStatus(conversation: Conversation, wanted: string): boolean {
  if (wanted === 'open') return isOpen(conversation);
  return statusOf(conversation) === (wanted === 'end' ? 'closed' : wanted);
}

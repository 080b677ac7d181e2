import type { Served } from '../shell.ts';
import { type Call, bodyOf, conversationOf, messageOf, one, type Route } from './call.ts';
import { type Fields, isFields, isOpen, objectField, optionalText, SiqError, textField } from './model.ts';
import type { Beginning, Talks } from './talks.ts';
import { openedView } from './views.ts';
import { newVisitor, type World } from './world.ts';
import type { ScriptedAgent } from '../scripted-agent.ts';

const LONGEST_WAIT_SECONDS = 999;

/** `/api/visitor/v1/{screenname}`: what a visitor does, said by somebody with an org token. */
export function visitorRoutes(world: World, talks: Talks, scripted: ScriptedAgent, waitScale: number): Route[] {
  let sends = 0;

  function open(call: Call): Served {
    const body = bodyOf(call);
    const conversation = talks.begin(beginningOf(body));
    scripted.opened(conversation.id, conversation.question);
    return one(call, 'conversations', openedView(world, conversation));
  }

  function beginningOf(body: Fields): Beginning {
    const [appId, departmentId] = [textField(body, 'app_id'), textField(body, 'department_id')];
    const question = textField(body, 'question');
    const given = objectField(body, 'visitor');
    const userId = textField(given, 'user_id', 'visitor.user_id');
    if (!world.apps.some(({ id, enabled }) => id === appId && enabled))
      throw new SiqError(1019, { json_key: 'app_id' });
    if (!world.departments.some(({ id, enabled }) => id === departmentId && enabled)) {
      throw new SiqError(1025, { json_key: 'department_id' });
    }
    const wait = body['custom_wait_time'];
    if (wait !== undefined && !(Number(wait) > 0 && Number(wait) <= LONGEST_WAIT_SECONDS)) {
      throw new SiqError(1011, { json_key: 'custom_wait_time' });
    }
    const phone = optionalText(given, 'phone', 'visitor.phone');
    const known = [...world.visitors.values()].find((visitor) => visitor.userId === userId);
    const visitor = known ?? newVisitor(world, { userId, ...(phone !== undefined && { phone }) });
    visitor.name = optionalText(given, 'name', 'visitor.name') ?? visitor.name;
    visitor.email = optionalText(given, 'email', 'visitor.email') ?? (known?.email || '');
    visitor.countryCode = optionalText(given, 'country_code', 'visitor.country_code') ?? visitor.countryCode;
    return {
      visitor,
      appId,
      departmentId,
      question,
      customerInfo: objectField(body, 'customer_info'),
      past: pastOf(body['past_messages']),
      ...(wait !== undefined && { ringsMs: Number(wait) * 1000 * waitScale }),
      withBot: false,
    };
  }

  async function send(call: Call): Promise<Served> {
    const { text, file } = await messageOf(call);
    const conversation = conversationOf(world, call);
    if (!isOpen(conversation)) throw new SiqError(1019);
    const url = `https://files.salesiq.example/${world.tick()}/${encodeURIComponent(file?.name ?? '')}`;
    if (file === undefined) talks.visitorSays(conversation, text);
    else talks.visitorUploads(conversation, text, { url, ...file });
    scripted.said(conversation.id, text);
    sends += 1;
    // What it answers is not documented, so nothing may depend on it.
    if (sends % 2 === 0) return { status: 204 };
    return one(call, 'message', { msgid: conversation.lines.at(-1)?.id });
  }

  return [
    { method: 'POST', path: 'conversations', scope: 'conversations.CREATE', operation: 'open', run: open },
    { method: 'POST', path: 'conversations/:id/messages', scope: 'conversations.CREATE', operation: 'send', run: send },
  ];
}

function pastOf(given: unknown): NonNullable<Beginning['past']> {
  if (given === undefined) return [];
  if (!Array.isArray(given)) throw new SiqError(1007, { json_key: 'past_messages' });
  return given.map((line, index) => {
    const at = `past_messages[${index}]`;
    if (!isFields(line)) throw new SiqError(1007, { json_key: at });
    const type = line['sender_type'];
    if (type !== 'visitor' && type !== 'bot') throw new SiqError(1011, { json_key: `${at}.sender_type` });
    if (typeof line['time'] !== 'number') throw new SiqError(1007, { json_key: `${at}.time` });
    return {
      from: type === 'bot' ? 'bot' : 'user',
      name: optionalText(line, 'sender_name', `${at}.sender_name`) ?? '',
      text: textField(line, 'text', `${at}.text`),
    };
  });
}

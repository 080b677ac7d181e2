import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Outgoing, OutgoingWebhook } from '../outgoing.ts';
import { type Fields, type Line, newId, ROBOT, type Session } from './model.ts';
import type { SobotSwitches } from './switches.ts';

interface FeedOptions {
  switches(): SobotSwitches;
  outgoing: Outgoing;
  signal: AbortSignal;
  companyId: string;
  forwardKey: string;
  /** How long records wait for more of their type. */
  packMs: number;
}

interface Pack {
  records: Fields[];
  /** Aborts when no more go in. */
  full: AbortController;
  sent: Promise<number>;
}

/** Records in one delivery. */
const PACK = 20;
const NUMBERS: Readonly<Record<Line['from'], number>> = { user: 0, bot: 1, agent: 2, note: 2, system: 1 };

/** Everything that Sobot tells by itself: the pushes of API sessions, and the feed of all sessions. */
export function createFeeds(options: FeedOptions) {
  const { switches, outgoing, signal, companyId, forwardKey, packMs } = options;
  const waiting = new Map<string, Pack>();

  /** Packed by type: twenty go out at once, fewer after a second. */
  async function forward(type: string, record: Fields): Promise<number> {
    if (switches().forwarding === 'off') return 0;
    const pack = waiting.get(type) ?? newPack(type);
    pack.records.push(record);
    if (pack.records.length === PACK) {
      waiting.delete(type);
      pack.full.abort();
    }
    return await pack.sent;
  }

  function newPack(type: string): Pack {
    const [records, full]: [Fields[], AbortController] = [[], new AbortController()];
    const over = AbortSignal.any([signal, full.signal]);
    const sent = delay(packMs, undefined, { signal: over })
      .catch(() => undefined)
      .then(() => (signal.aborted ? 0 : sendPack(type, records)));
    const pack = { records, full, sent };
    waiting.set(type, pack);
    return pack;
  }

  async function sendPack(type: string, records: Fields[]): Promise<number> {
    if (waiting.get(type)?.records === records) waiting.delete(type);
    const body = JSON.stringify({ type, sys_code: companyId, content: records });
    return await outgoing.send({
      conversationId: `feed ${type}`,
      build: (_attempt, wrongSecret) => ({ body, headers: signed(wrongSecret) }),
    });
  }

  function signed(wrongSecret: boolean): Record<string, string> {
    const headers = { 'content-type': 'application/json' };
    const { forwarding } = switches();
    if (forwarding === 'unsigned') return headers;
    const [timestamp, random] = [String(Date.now()), randomBytes(3).toString('hex')];
    const key = wrongSecret || forwarding === 'wrong' ? 'not the key' : forwardKey;
    return {
      ...headers,
      'x-log-timestamp': timestamp,
      'x-log-randomcode': random,
      'x-log-sign': createHash('md5').update(`${companyId}${timestamp}${random}${key}`).digest('hex'),
    };
  }

  const cidOf = (session: Session): string =>
    session.way === 'widget' && switches().forwardCid === 'own' ? session.forwardCid : session.cid;

  function pushOf(session: Session, type: number, fields: Fields = {}): OutgoingWebhook[] {
    if (session.way !== 'api' || !switches().pushes) return [];
    const more =
      switches().pushForm === 'offline'
        ? {}
        : { sysNum: companyId, aid: session.agent?.id ?? '', cid: session.cid, uid: session.visitorId, ts: Date.now() };
    const who = { aname: session.agent?.name ?? '', aface: '' };
    const body = JSON.stringify({
      type,
      partnerId: session.partnerId,
      ...fields,
      ...who,
      params: session.params,
      ...more,
    });
    const headers = { 'content-type': 'application/json' };
    return [{ conversationId: session.cid, build: () => ({ body, headers }) }];
  }
  async function push(session: Session, type: number, fields?: Fields): Promise<number> {
    const [webhook] = pushOf(session, type, fields);
    return webhook === undefined ? 0 : await outgoing.send(webhook);
  }

  const content = (text: string, msgType: string): Fields =>
    switches().pushJson ? { content: JSON.stringify({ msg: text, msgType }), msgType } : { content: text, msgType };

  async function recordOf(session: Session, reason: string): Promise<number> {
    return await forward('conversation', {
      companyid: companyId,
      cid: cidOf(session),
      partnerid: session.partnerId,
      visitorid: session.visitorId,
      start_time: String(session.startedAt),
      end_time: String(session.endedAt),
      staff_name: session.agent?.name ?? '',
      lastgroup_name: session.group?.name ?? '',
      offline_type: reason,
      transfer_tohuman_time: String(session.transferredAt ?? ''),
      source: 0,
    });
  }

  return {
    /** What was said: pushed when an agent has said it to the user of a program, and in the feed. */
    async said(session: Session, line: Line): Promise<number> {
      if (line.from === 'note' || line.from === 'system') return 0;
      const fromUser = line.from === 'user';
      const [visitor, other] = [
        { id: session.visitorId, name: session.name },
        line.from === 'agent' ? (line.agent ?? ROBOT) : (session.agent ?? ROBOT),
      ];
      const [sender, receiver] = fromUser ? [visitor, other] : [other, visitor];
      const told = [line.text, ...line.files.map(({ url }) => url)].filter((text) => text !== '');
      const records = told.map((msg) =>
        forward('msg', {
          cid: cidOf(session),
          companyid: companyId,
          timems: String(line.at),
          senderid: sender.id,
          sender_name: sender.name,
          receiverid: receiver.id,
          receiver_name: receiver.name,
          msg,
          sender_type: NUMBERS[line.from],
          receiver_type: fromUser ? (session.state === 'human' ? 2 : 1) : 0,
          msg_offline: 0,
        }),
      );
      const pushes =
        line.from === 'agent'
          ? [
              ...(line.text === '' ? [] : [push(session, 202, { msgId: line.id, ...content(line.text, 'text') })]),
              ...line.files.map(({ url, contentType }) =>
                push(session, 202, { msgId: newId('m'), ...content(url, kindOf(contentType)) }),
              ),
            ]
          : [];
      return (await Promise.all([...pushes, ...records])).find((status) => status !== 0) ?? 0;
    },
    /** What has happened to a session of a program's user; nobody hears of the widget's. */
    push,
    pushOf,
    /** A session is over. `reason`: Sobot's own number. */
    async ended(session: Session, reason: string): Promise<number> {
      const both = await Promise.all([push(session, 204, { status: reason }), recordOf(session, reason)]);
      return both.find((status) => status !== 0) ?? 0;
    },
    recordOf,
  };
}

export type Feeds = ReturnType<typeof createFeeds>;

const kindOf = (contentType = ''): string => {
  if (contentType.startsWith('image/')) return 'image';
  return contentType.startsWith('audio/') ? 'voice' : contentType.startsWith('video/') ? 'video' : 'file';
};

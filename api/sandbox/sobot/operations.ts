import type { OutgoingWebhook } from '../outgoing.ts';
import type { SandboxFile } from '../desk-sandbox.ts';
import type { Feeds } from './feeds.ts';
import { type Fields, GROUPS, type Line, type Session, type World } from './model.ts';
import { SobotError, textField } from './request.ts';
import type { SobotSwitches } from './switches.ts';

interface OperationCall {
  body: Fields;
  query: Record<string, string>;
}

/** One operation of the live chat API: the content of its answer, and the pushes that follow. */
export type Operation = (call: OperationCall) => { item?: Fields; items?: Fields[]; after?: OutgoingWebhook[] };

interface Stage {
  feeds: Feeds;
  switches(): SobotSwitches;
  /** For the scripted human. */
  connected(session: Session): void;
  said(session: Session, text: string): void;
}

/** `status` of `chat_connect`. */
const CONNECT = { connected: 1, queued: 0, nobody: 2, blacklisted: 3, repeated: -1 } as const;
const MEDIA: Readonly<Record<string, string>> = { image: 'image/*', voice: 'audio/*', video: 'video/*' };

export function createOperations(world: World, { feeds, switches, connected, said }: Stage): Record<string, Operation> {
  const lastOf = (partnerId: unknown): Session | undefined =>
    world.sessions.findLast((session) => session.way === 'api' && session.partnerId === partnerId);
  const liveOf = (partnerId: unknown): Session | undefined => {
    const session = lastOf(partnerId);
    return session?.state === 'ended' ? undefined : session;
  };
  const countQueue = (): number => world.sessions.filter(({ state }) => state === 'queued').length;

  function connectionOf(session: Session | undefined, status: number): Fields {
    const { agent, visitorId = '', cid = '' } = session ?? {};
    return {
      status,
      agent_name: agent?.name ?? '',
      agent_face: '',
      agentid: agent?.id ?? '',
      visitorid: visitorId,
      cid,
      count: status === CONNECT.queued ? countQueue() : 0,
    };
  }

  function connect({ body }: OperationCall): ReturnType<Operation> {
    const partnerId = textField(body, 'partnerid');
    const before = lastOf(partnerId);
    if (world.blacklist.has(partnerId)) return { item: connectionOf(undefined, CONNECT.blacklisted) };
    const live = liveOf(partnerId);
    if (live !== undefined) {
      const status = live.state === 'queued' ? CONNECT.repeated : switches().connectedAgain;
      return { item: connectionOf(live, status) };
    }
    const { staff } = switches();
    if (staff === 'nobody') return { item: connectionOf(undefined, CONNECT.nobody) };
    const params = body['params'] ?? '';
    if (typeof params !== 'string') throw new SobotError('400004', 'params is no text');
    const group = GROUPS.find(({ id }) => id === body['groupid']);
    const [agent] = world.agents;
    const session = world.add({
      way: 'api',
      partnerId,
      state: staff === 'busy' ? 'queued' : 'human',
      name: String(body['user_nick'] ?? body['user_name'] ?? ''),
      params,
      transferredAt: Date.now(),
      ...(group && { group }),
      ...(staff === 'free' && agent && { agent }),
      ...(before && { visitorId: before.visitorId }),
    });
    if (session.state === 'queued') {
      const after = feeds.pushOf(session, 201, { count: countQueue(), queueDoc: 'Please wait.' });
      return { item: connectionOf(session, CONNECT.queued), after };
    }
    connected(session);
    const after = switches().pushConnected ? feeds.pushOf(session, 200) : [];
    return { item: connectionOf(session, CONNECT.connected), after };
  }

  function send({ body }: OperationCall): ReturnType<Operation> {
    const [partnerId, content] = [textField(body, 'partnerid'), textField(body, 'content')];
    const type = String(body['msg_type'] ?? 'text');
    const media = MEDIA[type];
    if (type !== 'text' && media === undefined) throw new SobotError('400004', 'msg_type is unknown');
    const session = lastOf(partnerId);
    if (session?.state !== 'human') return { item: { status: 2 } };
    const files: SandboxFile[] =
      media === undefined ? [] : [{ url: content, name: content.split('/').at(-1) ?? '', contentType: media }];
    const line = world.say(session, 'user', media === undefined ? content : '', { files });
    void feeds.said(session, line);
    said(session, content);
    return { item: { status: 1 } };
  }

  function end({ body }: OperationCall): ReturnType<Operation> {
    const session = liveOf(textField(body, 'partnerid'));
    if (session !== undefined) {
      session.state = 'ended';
      session.endedAt = Date.now();
      void feeds.recordOf(session, '0');
    }
    return { item: { status: 1 } };
  }

  /** The session, else the last one of the visitor, else the last one of the program's user. */
  function details({ body }: OperationCall): ReturnType<Operation> {
    const { cid, visitorid, partnerid } = body;
    const session =
      cid === undefined
        ? visitorid === undefined
          ? lastOf(partnerid)
          : world.sessions.findLast((one) => one.visitorId === visitorid)
        : world.sessions.find((one) => one.cid === cid);
    return { items: session === undefined ? [] : session.lines.flatMap((line) => detailsOf(session, line)) };
  }

  return {
    chat_connect: connect,
    chat_send: send,
    out: end,
    query_session_status({ body }) {
      const session = lastOf(textField(body, 'partnerid'));
      const status = { robot: 2, queued: CONNECT.queued, human: CONNECT.connected, ended: 2 }[
        session?.state ?? 'ended'
      ];
      return { item: { status, cid: session?.cid ?? '' } };
    },
    get_detail_by_cid: details,
    query_cids({ body }) {
      const { visitorid, partnerid, cid } = body;
      const mine = world.sessions.filter(
        (one) => one.visitorId === visitorid || one.partnerId === partnerid || one.cid === cid,
      );
      return {
        items: mine.map((one) => ({ cid: one.cid, start_date_time: one.startedAt, visitorid: one.visitorId })),
      };
    },
    offline_msg_data: () => ({ items: [] }),
    admin_is_work({ query }) {
      const isKnown = GROUPS.some(({ id }) => id === query['groupid']);
      if (!isKnown) throw new SobotError('400012', 'groupid is unknown');
      return { item: { is_work: String(switches().working) } };
    },
    get_once_data: () => ({
      item: {
        admin_size: switches().staff === 'nobody' ? 0 : world.agents.length,
        online_user_size: world.sessions.filter(({ state }) => state === 'human').length,
        wait_user_size: countQueue(),
        robot_user_size: world.sessions.filter(({ state }) => state === 'robot').length,
        admin_list: (switches().staff === 'nobody' ? [] : world.agents).map((agent) => ({
          ...staffOf(agent.id, agent.name),
          status: switches().staff === 'busy' ? 2 : 1,
          count: 0,
          max_count: 5,
        })),
      },
    }),
    query_group: () => ({
      items: GROUPS.map(({ id, name }) => ({ groupid: id, group_name: name, create_time: 1_700_000_000 })),
    }),
    query_agent: () => ({ items: world.agents.map(({ id, name }) => ({ ...staffOf(id, name), agent_status: 1 })) }),
    comment({ body }) {
      return { item: { status: lastOf(textField(body, 'partnerid')) === undefined ? 3 : 1 } };
    },
  };
}

const staffOf = (agentid: string, name: string): Fields => ({
  agentid,
  agent_name: name,
  agent_nick: name,
  agent_email: `${agentid}@desk.example`,
  agent_face: '',
  group_name: GROUPS.map((group) => group.name),
  groupid: GROUPS.map(({ id }) => id),
});

const SENDERS: Readonly<Record<Line['from'], number | undefined>> = {
  user: 0,
  bot: 1,
  agent: 2,
  note: undefined,
  system: undefined,
};

/** A note stays at the desk. */
function detailsOf(session: Session, line: Line): Fields[] {
  const sender = SENDERS[line.from];
  if (sender === undefined) return [];
  const told = [
    ...(line.text === '' ? [] : [{ msg: line.text, msg_type: 0 }]),
    ...line.files.map(({ url, contentType = '' }) => ({
      msg: url,
      msg_type: contentType.startsWith('image/') ? 1 : contentType.startsWith('audio/') ? 2 : 0,
    })),
  ];
  const agent = line.agent?.name ?? session.agent?.name ?? '';
  return told.map((words) => ({
    sender_name: sender === 0 ? session.name : agent,
    sender_type: sender,
    sender_face: '',
    receiver_name: sender === 0 ? agent : session.name,
    receiver_type: sender === 0 ? 2 : 0,
    receiver_face: '',
    ts: new Date(line.at).toISOString().slice(0, 19).replace('T', ' '),
    t: String(line.at),
    ...words,
    cid: session.cid,
  }));
}

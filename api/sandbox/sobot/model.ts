import { randomBytes } from 'node:crypto';
import type { SandboxFile, SandboxLine, SandboxTalk } from '../desk-sandbox.ts';

export type Fields = Record<string, unknown>;

/** One that works at the desk. */
export interface Agent {
  id: string;
  name: string;
}
export interface Group {
  id: string;
  name: string;
}

export const GROUPS: readonly Group[] = [
  { id: 'g-100', name: 'After-sales' },
  { id: 'g-200', name: 'Billing' },
];
/** The third-party robot, which is Baton. */
export const ROBOT: Agent = { id: '12', name: 'Robot' };

export interface Line extends SandboxLine {
  /** Epoch milliseconds. */
  at: number;
  agent?: Agent;
}

/** A visitor's session: in the widget, or of a user whom a program has connected. */
export interface Session {
  way: 'widget' | 'api';
  /** `ai_agent_cid` in the widget. */
  cid: string;
  /** The feed's own id of it. */
  forwardCid: string;
  /** Sobot's id of the visitor. */
  visitorId: string;
  /** The program's id of the user; in the widget the visitor's. */
  partnerId: string;
  name: string;
  params: string;
  /** `queued`: no agent yet; `ended`: the next message in the widget goes to the robot again. */
  state: 'robot' | 'queued' | 'human' | 'ended';
  group?: Group;
  agent?: Agent;
  lines: Line[];
  startedAt: number;
  transferredAt?: number;
  endedAt?: number;
}

export interface World {
  /** Oldest first. */
  readonly sessions: Session[];
  readonly agents: Agent[];
  readonly blacklist: Set<string>;
  /** By the id of a session; by that of a user it is the last one. */
  find(id: string): Session | undefined;
  add(session: Partial<Session> & Pick<Session, 'way' | 'partnerId' | 'state'>): Session;
  say(session: Session, from: Line['from'], text: string, more?: { files?: SandboxFile[]; agent?: Agent }): Line;
  /** By id or name; a name that nobody has joins the desk. */
  agent(idOrName: string): Agent;
  reset(): void;
}

export const newId = (prefix: string): string => `${prefix}-${randomBytes(8).toString('hex')}`;

export function createWorld(): World {
  const sessions: Session[] = [];
  const agents: Agent[] = [];
  const blacklist = new Set<string>();
  const staff = (): void => {
    agents.splice(0, agents.length, { id: 'a-7', name: 'Alex' }, { id: 'a-8', name: 'Dana Reyes' });
  };
  staff();
  return {
    sessions,
    agents,
    blacklist,
    find: (id) =>
      sessions.find(({ cid }) => cid === id) ??
      sessions.findLast(({ partnerId, visitorId }) => partnerId === id || visitorId === id),
    add(fields) {
      const session: Session = {
        cid: randomBytes(16).toString('hex'),
        forwardCid: newId('c'),
        visitorId: newId('v'),
        name: '',
        params: '',
        lines: [],
        startedAt: Date.now(),
        ...fields,
      };
      sessions.push(session);
      return session;
    },
    say(session, from, text, { files = [], agent } = {}) {
      const line: Line = { id: newId('m'), from, text, files, at: Date.now(), ...(agent && { agent }) };
      session.lines.push(line);
      return line;
    },
    agent(idOrName) {
      const known = agents.find(({ id, name }) => name === idOrName || id === idOrName);
      if (known !== undefined) return known;
      const agent = { id: `a-${7 + agents.length}`, name: idOrName };
      agents.push(agent);
      return agent;
    },
    reset() {
      sessions.length = 0;
      blacklist.clear();
      staff();
    },
  };
}

/** As the agent sees it. */
export function talkOf({ cid, state, agent, group, lines }: Session): SandboxTalk {
  const assignee = state === 'robot' ? ROBOT.name : (agent?.name ?? group?.name);
  return {
    id: cid,
    closed: state === 'ended',
    ...(assignee !== undefined && { assignee }),
    messages: lines.map(({ id, from, text, files }) => ({ id, from, text, files })),
  };
}

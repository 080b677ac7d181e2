import { setTimeout as delay } from 'node:timers/promises';
import type { SandboxAgent, SandboxFile, SandboxUser } from '../desk-sandbox.ts';
import type { RobotAnswer } from './answers.ts';
import type { Feeds } from './feeds.ts';
import { type Agent, GROUPS, newId, ROBOT, type Session, type World } from './model.ts';
import type { Question, Robot } from './robot.ts';
import type { SobotSwitches } from './switches.ts';

/** What happens at Sobot and at no other desk. Numbers are Baton's HTTP status, 0 for no answer. */
export interface SobotPeople {
  /** The next agent takes a session that waits. */
  accept(conversationId: string, agent?: string): Promise<number>;
  /** Ends a session. Reasons: 1 by the agent, 2 removed, 3 blacklisted, 4 idle, 6 other window, 9 waited too long. */
  end(conversationId: string, reason: string): Promise<number>;
  /** Nobody talks with this user any more. */
  blacklistUser(conversationId: string): Promise<number>;
  /** An agent takes one of his messages back. */
  revoke(conversationId: string, messageId: string): Promise<number>;
  /** An agent lets the robot propose an answer; the visitor sees nothing of it. */
  copilotAsks(conversationId: string, question: string): Promise<RobotAnswer | undefined>;
  /** Resolves when every call of the robot in this conversation has been answered. */
  answered(conversationId: string): Promise<void>;
}

interface Stage {
  robot: Robot;
  feeds: Feeds;
  switches(): SobotSwitches;
  /** How long `user.writes` waits for the robot's answer. */
  settleMs: number;
  /** For the scripted human. */
  cameToHumans(session: Session): void;
  said(session: Session, text: string): void;
}

/** The agents, the visitor in the widget, and Sobot itself. */
export function createPeople(world: World, { robot, feeds, switches, settleMs, cameToHumans, said }: Stage) {
  const running = new Map<string, Set<Promise<void>>>();
  function found(id: string): Session {
    const session = world.find(id);
    if (session === undefined) throw new Error(`the sandbox has no conversation ${id}`);
    return session;
  }
  /** Whoever is named, else who has the session, else the first agent; from then on he has it. */
  function takenBy(session: Session, named?: string): Agent {
    const agent = named === undefined ? (session.agent ?? world.agents[0]) : world.agent(named);
    if (session.state !== 'ended') session.state = 'human';
    session.agent ??= agent ?? ROBOT;
    return agent ?? ROBOT;
  }
  async function ends(session: Session, reason: string): Promise<number> {
    if (session.state === 'ended') return 0;
    session.state = 'ended';
    session.endedAt = Date.now();
    return await feeds.ended(session, reason);
  }

  const human: SandboxAgent = {
    async reply(id, text, { agent: named, files = [] } = {}) {
      const session = found(id);
      const agent = takenBy(session, named);
      return await feeds.said(session, world.say(session, 'agent', text, { files, agent }));
    },
    /** Stays at the desk: nothing goes out. */
    async note(id, text, { files = [] } = {}) {
      const session = found(id);
      const line = world.say(session, 'note', text, { files });
      return await feeds.said(session, line);
    },
    async transfer(id, agent) {
      const session = found(id);
      if (agent === ROBOT.name || agent === ROBOT.id) {
        session.state = 'robot';
        delete session.agent;
        return 0;
      }
      const group = GROUPS.find(({ id: known, name }) => known === agent || name === agent);
      session.state = group === undefined ? 'human' : 'queued';
      if (group === undefined) session.agent = world.agent(agent);
      else {
        session.group = group;
        delete session.agent;
      }
      return await feeds.push(session, 210, { name: session.agent?.name ?? group?.name ?? '', face: '' });
    },
    async close(id, { text } = {}) {
      const words = text === undefined ? undefined : human.reply(id, text);
      const closed = ends(found(id), '1');
      await words;
      return await closed;
    },
    unknownPart: async (id) =>
      await feeds.push(found(id), 299, { msgId: newId('m'), content: 'Nobody knows this part.' }),
  };

  async function asks(session: Session, question: Question): Promise<void> {
    const answer = await robot.asks(session, question);
    // A human may have come meanwhile.
    if (answer === undefined || session.state !== 'robot') return;
    if (answer.status !== 200) world.say(session, 'system', 'The robot has not answered.');
    for (const { text } of answer.parts) {
      if (text !== '') void feeds.said(session, world.say(session, 'bot', text));
    }
    const transfer = answer.parts.find(({ transfers }) => transfers);
    if (transfer !== undefined) toHumans(session, transfer.group, answer);
  }

  function toHumans(session: Session, name: string | undefined, answer: RobotAnswer): void {
    const group = name === undefined ? GROUPS[0] : GROUPS.find((one) => one.name === name);
    if (group === undefined) {
      answer.faults.push('there is no group of this name');
      return;
    }
    session.group = group;
    session.state = 'queued';
    session.transferredAt = Date.now();
    cameToHumans(session);
  }

  /** With the robot again after a human session. */
  function current(id: string): Session {
    const session = found(id);
    if (session.way !== 'widget') throw new Error(`${id} is no conversation of the widget`);
    if (session.state !== 'ended') return session;
    const { partnerId, visitorId, name } = session;
    if (switches().newCid) return world.add({ way: 'widget', state: 'robot', partnerId, visitorId, name });
    session.state = 'robot';
    delete session.agent;
    delete session.group;
    return session;
  }
  let visitors = 0;
  function newVisitor(): Session {
    visitors += 1;
    const visitorId = newId('visitor');
    return world.add({ way: 'widget', state: 'robot', partnerId: visitorId, visitorId, name: `Visitor ${visitors}` });
  }

  /** A text is one question, and so is each file. */
  async function asksAll(session: Session, text: string, files: SandboxFile[]): Promise<void> {
    const questions = files.map(({ url }) => ({ text: url, isFile: true }));
    for (const question of text === '' ? questions : [{ text }, ...questions]) await asks(session, question);
  }

  const user: SandboxUser = {
    async writes(text, { conversationId, files = [] } = {}) {
      const session = conversationId === undefined ? newVisitor() : current(conversationId);
      const line = world.say(session, 'user', text, { files });
      if (session.state !== 'robot') {
        said(session, text);
        await feeds.said(session, line);
        return session.cid;
      }
      void feeds.said(session, line);
      const work = asksAll(session, text, files).catch(() => undefined);
      const mine = running.get(session.cid) ?? new Set();
      running.set(session.cid, mine.add(work));
      void work.then(() => mine.delete(work));
      const settled = new AbortController();
      await Promise.race([
        work,
        delay(settleMs, undefined, { signal: settled.signal, ref: false }).catch(() => undefined),
      ]);
      settled.abort();
      return session.cid;
    },
  };

  const people: SobotPeople = {
    async accept(id, named) {
      const session = found(id);
      if (session.state !== 'queued') return 0;
      takenBy(session, named);
      return await feeds.push(session, 200, {});
    },
    end: async (id, reason) => await ends(found(id), reason),
    async blacklistUser(id) {
      const session = found(id);
      world.blacklist.add(session.partnerId);
      return await ends(session, '3');
    },
    async revoke(id, messageId) {
      const session = found(id);
      session.lines = session.lines.filter((line) => line.id !== messageId);
      return await feeds.push(session, 211, { revokeMsgId: messageId });
    },
    copilotAsks: async (id, text) => await robot.asks(found(id), { text, copilot: true }),
    async answered(id) {
      const mine = running.get(found(id).cid);
      if (mine !== undefined) await Promise.all(mine);
    },
  };
  return { human, user, people };
}

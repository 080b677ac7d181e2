import { createHash, timingSafeEqual } from 'node:crypto';
import { type Fields, fields, list } from '../../http/json.ts';
import type { AuthResult, DeskEvent, RawRequest } from '../desk.ts';
import type { SobotConfig } from './config.ts';
import { event, number, text } from './shapes.ts';

/** Message forwarding: batches of records about all chats of the company (sobot section 8). */
export const isForwarding = (body: Fields): boolean =>
  Array.isArray(body['content']) && typeof body['type'] === 'string';

const digest = (value: string): Buffer => createHash('sha256').update(value, 'utf8').digest();

/** The signature covers company, time, a random code and the key, and not the body: the algorithm is Sobot's. */
export function checkSignature({ headers }: RawRequest, { companyId, forwardKey }: SobotConfig): AuthResult {
  if (!companyId || !forwardKey) return { ok: false, reason: 'message forwarding is not configured' };
  const [time, code, sign] = ['x-log-timestamp', 'x-log-randomcode', 'x-log-sign'].map((name) => headers[name]);
  if (typeof time !== 'string' || typeof code !== 'string' || typeof sign !== 'string') {
    return { ok: false, reason: 'forwarded without a signature' };
  }
  const right = createHash('md5').update(`${companyId}${time}${code}${forwardKey}`, 'utf8').digest('hex');
  // Digests have one length, whatever came.
  return timingSafeEqual(digest(sign), digest(right)) ? { ok: true } : { ok: false, reason: 'wrong signature' };
}

/** Of records: 0 user, 1 robot, 2 agent (sobot section 6.5). */
const USER = 0;
const AGENT = 2;

/**
 * Widget: what humans and visitor say to each other, and the end. Open API: the end only, because messages come as pushes
 * and would be there twice.
 */
export function parseForwarding(body: Fields, config: SobotConfig): DeskEvent[] {
  const records = list(body['content'])
    .map(fields)
    .filter(({ companyid }) => companyid === undefined || text(companyid) === config.companyId);
  if (body['type'] === 'conversation') return records.flatMap((record) => ended(record, config));
  if (body['type'] === 'msg' && config.way === 'widget') return records.flatMap(said);
  return [];
}

function ended(record: Fields, { way }: SobotConfig): DeskEvent[] {
  const cid = text(record['cid']);
  const talk = way === 'widget' ? cid : text(record['partnerid']);
  const endedMs = number(record['end_time']) ?? 0;
  if (talk === undefined || cid === undefined || endedMs <= 0) return [];
  // A chat that no human had is none of a handoff.
  const hadHuman = (number(record['transfer_tohuman_time']) ?? 0) > 0 || text(record['staff_name']) !== undefined;
  if (!hadHuman) return [];
  return [{ ...event(talk, `${cid}.ended.${endedMs}`, { kind: 'close', by: 'agent' }), duringHandoff: true }];
}

function said(record: Fields): DeskEvent[] {
  const talk = text(record['cid']);
  const words = record['msg'];
  if (talk === undefined || typeof words !== 'string' || words.trim() === '') return [];
  const [from, to] = [number(record['sender_type']), number(record['receiver_type'])];
  const sender = text(record['senderid']);
  const name = text(record['sender_name']);
  const key = `${talk}.${text(record['timems']) ?? ''}.${sender ?? ''}`;
  if (from === AGENT) {
    const agent = { ...(sender && { id: sender }), ...(name && { name }) };
    const isKnown = sender !== undefined || name !== undefined;
    const reply = event(talk, key, { kind: 'agentReply', text: words, ...(isKnown && { agent }) });
    return [{ ...reply, duringHandoff: true }];
  }
  // What is said to the robot comes as a question.
  if (from !== USER || to !== AGENT) return [];
  return [{ ...event(talk, key, { kind: 'userMessage', text: words }), duringHandoff: true }];
}

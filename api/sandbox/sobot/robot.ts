import { setTimeout as delay } from 'node:timers/promises';
import type { WebhookBehaviour } from '../desk-sandbox.ts';
import { readAnswer, type RobotAnswer } from './answers.ts';
import { type Fields, newId, ROBOT, type Session } from './model.ts';
import type { SobotSwitches } from './switches.ts';

export interface Question {
  text: string;
  /** An address that stands for a file. */
  isFile?: boolean;
  /** A human agent asks, not the visitor. */
  copilot?: boolean;
}

/** One call of the third-party robot, with the answer that Sobot uses. */
export interface RobotCall {
  cid: string;
  request: Fields;
  answer: RobotAnswer;
}

interface RobotOptions {
  switches(): SobotSwitches;
  behaviour(): WebhookBehaviour;
  url(): string | undefined;
  signal: AbortSignal;
  timeoutMs: number;
}

/** Sobot's end of the third-party robot: it asks, and waits for the answer in the HTTP response. */
export function createRobot({ switches, behaviour, url, signal, timeoutMs }: RobotOptions) {
  const calls: RobotCall[] = [];

  function requestFor(session: Session, { text, isFile = false, copilot = false }: Question): Fields {
    const needed = { question: text, ai_agent_cid: session.cid, runtimeid: newId('rt') };
    const { stream, oddRequests } = switches();
    if (oddRequests) {
      return {
        ...needed,
        uid: session.visitorId,
        req_stream: stream,
        copilot,
        surprise: { n: [1, null] },
        params: null,
      };
    }
    return {
      ...needed,
      show_question: text,
      uid: session.visitorId,
      user_name: session.name,
      robotid: ROBOT.id,
      msg_type: isFile ? 'IMG' : 'TEXT',
      req_stream: stream,
      copilot,
      robot_model: 'THIRD_STANDARD',
      input_type_enum: 'INPUT',
      params: { vip: '1' },
      multi_params: [],
    };
  }

  async function call(session: Session, request: Fields): Promise<RobotAnswer> {
    const stream = request['req_stream'] === true;
    const got = await post(JSON.stringify(request), stream && switches().cutStreams);
    const answer = readAnswer(got, { runtimeId: String(request['runtimeid']), stream });
    if (request['copilot'] === true && answer.parts.some(({ transfers }) => transfers)) {
      answer.faults.push('an agent who asks is transferred');
    }
    calls.push({ cid: session.cid, request, answer });
    return answer;
  }

  async function post(body: string, cuts: boolean): Promise<{ status: number; type: string; raw: string }> {
    const nothing = { status: 0, type: '', raw: '' };
    const target = url();
    if (target === undefined) return nothing;
    const headers = { 'content-type': 'application/json' };
    const over = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    try {
      const response = await fetch(target, { method: 'POST', headers, body, signal: over, redirect: 'manual' });
      const type = response.headers.get('content-type') ?? '';
      let raw = '';
      for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
        raw += chunk;
        // Leaving the loop gives the connection up.
        if (cuts && raw.includes('\n\n')) break;
      }
      return cuts ? nothing : { status: response.status, type, raw };
    } catch {
      return nothing;
    }
  }

  return {
    calls,
    /** Asks once; repeats and copies must be answered in the same way. Undefined: the call was never made. */
    async asks(session: Session, question: Question): Promise<RobotAnswer | undefined> {
      const { drop = false, delayMs = 0, copies = 1 } = behaviour();
      if (drop || url() === undefined) return undefined;
      const request = requestFor(session, question);
      if (delayMs > 0) await delay(delayMs, undefined, { signal }).catch(() => undefined);
      const answers = await Promise.all(Array.from({ length: copies }, () => call(session, request)));
      for (let n = 0; n < switches().repeats; n += 1) answers.push(await call(session, request));
      const [first] = answers;
      if (answers.some(({ raw }) => raw !== first?.raw)) first?.faults.push('a repeat is answered in another way');
      return first;
    },
  };
}

export type Robot = ReturnType<typeof createRobot>;

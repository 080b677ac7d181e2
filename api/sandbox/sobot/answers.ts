import type { Fields } from './model.ts';

/** One part of the robot's answer. */
export interface Part {
  text: string;
  isEnd: boolean;
  transfers: boolean;
  /** Name of the group it transfers to. */
  group?: string;
}

export interface RobotAnswer {
  /** HTTP; 0: none came, or it broke off. */
  status: number;
  parts: Part[];
  /** As it came. */
  raw: string;
  /** What Sobot does not understand in it, one sentence each. */
  faults: string[];
}

/** Reads an answer as Sobot does, and says what is wrong with it. */
export function readAnswer(
  { status, type, raw }: { status: number; type: string; raw: string },
  { runtimeId, stream }: { runtimeId: string; stream: boolean },
): RobotAnswer {
  if (status !== 200) return { status, parts: [], raw, faults: [`status ${status}`] };
  const expected = stream ? 'text/event-stream' : 'application/json';
  const faults = type.startsWith(expected) ? [] : [`content type ${type} instead of ${expected}`];
  const parts = (stream ? eventsOf(raw, faults) : [raw]).flatMap((text) => readPart(text, runtimeId, faults) ?? []);
  const ends = parts.filter(({ isEnd }) => isEnd).length;
  if (ends !== 1) faults.push(`${ends} parts are the end`);
  else if (parts.at(-1)?.isEnd !== true) faults.push('there is a part after the end');
  if (parts.slice(0, -1).some(({ transfers }) => transfers)) faults.push('a part before the last one transfers');
  return { status, parts, raw, faults };
}

/** Lines of `data:` with an empty line behind each. */
function eventsOf(raw: string, faults: string[]): string[] {
  const events = raw.split('\n\n').filter((event) => event.trim() !== '');
  if (raw !== '' && !raw.endsWith('\n\n')) faults.push('the stream ends in the middle of an event');
  return events.flatMap((event) => {
    if (event.startsWith('data:') && !event.includes('\n')) return [event.slice('data:'.length)];
    faults.push(`no event: ${event.slice(0, 40)}`);
    return [];
  });
}

const TYPES = ['THIRD_ANSWER_INFO', 'MESSAGE'];

function readPart(text: string, runtimeId: string, faults: string[]): Part | undefined {
  const envelope = objectOf(text);
  const data = envelope?.['data'];
  if (envelope === undefined || typeof data !== 'object' || data === null) {
    faults.push(`no envelope: ${text.slice(0, 40)}`);
    return undefined;
  }
  const fields = data as Fields;
  const wrong = [
    envelope['ret_code'] !== '000000' && 'ret_code is not 000000',
    typeof envelope['ret_msg'] !== 'string' && 'ret_msg is no text',
    hasNull(envelope) && 'a field is null',
    fields['runtimeid'] !== runtimeId && 'runtimeid is not that of the question',
    typeof fields['llm_answer'] !== 'string' && 'llm_answer is no text',
    fields['answer_type'] !== 'QA_DIRECT' && 'answer_type is not QA_DIRECT',
    !TYPES.includes(String(fields['robot_answer_message_type'])) && 'robot_answer_message_type is unknown',
    fields['success'] !== true && 'success is not true',
    typeof fields['message_end'] !== 'boolean' && 'message_end is no boolean',
    fields['hit_sensitive_word'] !== false && 'hit_sensitive_word is not false',
    'ai_agent_cid' in fields && 'ai_agent_cid is in the answer',
    fields['third_transfer_flag'] === false && 'third_transfer_flag is there without a transfer',
  ].filter((sentence) => sentence !== false);
  faults.push(...wrong);
  const group = fields['third_transfer_groupName'];
  return {
    text: typeof fields['llm_answer'] === 'string' ? fields['llm_answer'] : '',
    isEnd: fields['message_end'] === true,
    transfers: fields['third_transfer_flag'] === true,
    ...(typeof group === 'string' && { group }),
  };
}

const hasNull = (value: unknown): boolean =>
  value === null || (typeof value === 'object' && Object.values(value).some(hasNull));

function objectOf(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Fields) : undefined;
  } catch {
    return undefined;
  }
}

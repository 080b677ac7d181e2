import type { Attachment, User } from '../../../workflows/contracts.ts';
import { bodyOf, type Fields } from '../../http/json.ts';
import type { DeskEvent, RawRequest, RawResponse, TurnItem } from '../desk.ts';
import type { SobotConfig } from './config.ts';
import { fileNameOf } from './push.ts';
import { event, hashOf, text } from './shapes.ts';

/** What Sobot asks its third-party robot (sobot section 5.1). */
export interface Question {
  deskConversationId: string;
  /** Sobot's id of the turn. */
  key: string;
  runtimeId?: string;
  text: string;
  attachments: Attachment[];
  user: User;
  /** The answer goes out as an event stream. */
  stream: boolean;
}

export const isQuestion = (body: Fields): boolean => text(body['ai_agent_cid']) !== undefined;

/** Undefined: nothing that a visitor has said, for example an agent who asks the robot for help (`copilot`). */
export function questionOf(body: Fields): Question | undefined {
  const cid = text(body['ai_agent_cid']);
  const question = text(body['question']);
  if (cid === undefined || question === undefined || isTrue(body['copilot'])) return undefined;
  const runtimeId = text(body['runtimeid']);
  const file = fileOf(question);
  const [id, name] = [text(body['uid']), text(body['user_name'])];
  return {
    deskConversationId: cid,
    key: runtimeId ?? hashOf(body),
    ...(runtimeId !== undefined && { runtimeId }),
    text: file === undefined ? question : '',
    attachments: file === undefined ? [] : [file],
    user: { ...(id && { id }), ...(name && { name }) },
    stream: isTrue(body['req_stream']),
  };
}

const isTrue = (value: unknown): boolean => value === true || value === 'true' || value === 1;

const FILE =
  /\.(?:png|jpe?g|gif|webp|bmp|heic|pdf|docx?|xlsx?|pptx?|txt|csv|zip|rar|7z|mp3|wav|m4a|amr|ogg|mp4|mov|avi|webm)$/i;

/** A file arrives as its address in the place of the question; only the suffix tells (sobot section 5.1). */
function fileOf(question: string): Attachment | undefined {
  const url = question.trim();
  if (!/^https?:\/\/\S+$/i.test(url) || !URL.canParse(url) || !FILE.test(new URL(url).pathname)) return undefined;
  const name = fileNameOf(url);
  return { url, ...(name && { name }) };
}

/** Sobot asks the robot again only when no human has the visitor any more. */
export function parseQuestion(body: Fields): DeskEvent[] {
  const question = questionOf(body);
  if (question === undefined) return [];
  const { deskConversationId, user, attachments } = question;
  const key = `${deskConversationId}.${question.key}`;
  const back = event(deskConversationId, `${key}.back`, { kind: 'close', by: 'agent' });
  const said = event(deskConversationId, key, {
    kind: 'userMessage',
    text: question.text,
    ...(attachments.length > 0 && { attachments }),
    user,
  });
  return [{ ...back, duringHandoff: true, comesWith: key }, said];
}

export function turn(request: RawRequest): { deskConversationId: string; key: string } | undefined {
  const question = questionOf(bodyOf(request));
  return question && { deskConversationId: question.deskConversationId, key: question.key };
}

const linkTo = ({ url, name }: Attachment): string => (name === undefined ? url : `${name}: ${url}`);

/** One part, also in a stream: all that is said is there at once (sobot sections 5.2 and 5.3). */
export function render(request: RawRequest, config: SobotConfig, said: TurnItem[]): RawResponse {
  const question = questionOf(bodyOf(request));
  const words = said.flatMap((item) =>
    item.kind === 'message' ? [item.text, ...item.attachments.map(linkTo)].filter((line) => line !== '') : [],
  );
  const transfers = said.some(({ kind }) => kind === 'handoff') || (said.length === 0 && config.transferOnFailure);
  const { groupName, transferText, noAnswerText } = config;
  const data = {
    llm_answer: words.length > 0 ? words.join('\n\n') : transfers ? transferText : noAnswerText,
    answer_type: 'QA_DIRECT',
    robot_answer_message_type: 'THIRD_ANSWER_INFO',
    success: true,
    message_end: true,
    hit_sensitive_word: false,
    ...(question?.runtimeId !== undefined && { runtimeid: question.runtimeId }),
    ...(transfers && { third_transfer_flag: true }),
    ...(transfers && groupName !== undefined && { third_transfer_groupName: groupName }),
  };
  const envelope = JSON.stringify({ ret_code: '000000', ret_msg: 'success', data });
  if (question?.stream !== true) {
    return { status: 200, headers: { 'content-type': 'application/json; charset=utf-8' }, body: envelope };
  }
  const headers = { 'content-type': 'text/event-stream', 'cache-control': 'no-cache', 'x-accel-buffering': 'no' };
  return { status: 200, headers, body: `data:${envelope}\n\n` };
}

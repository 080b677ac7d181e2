import type { HandoffEvent, HandoffStatus } from '../../workflows/contracts.ts';

/** How to use the tools as a whole. */
export const INSTRUCTIONS = `Baton hands a conversation over to a human agent of a help desk, and back.
Rules: Show the user every \`say\` that is not null, word for word. Say nothing of your own about a transfer, a human or a waiting time: only Baton knows. While \`botMustBeSilent\` is true, show \`say\` and \`agentMessages\` and nothing else, and pass on all that the user writes with send_user_message. \`whatToDo\` is the next step.`;

const FOLLOW = 'Pass on what the user writes with send_user_message, and call handoff_status for news.';

/** What the model does next while a handoff is in this state. */
export const IN_STATUS: Record<HandoffStatus, string> = {
  awaiting_email:
    'No human has been called yet. Show `say`. When the user gives an address, call request_handoff again with the same conversationId and that email.',
  scheduled:
    'No human has been called yet: the desk is asked when its hours begin. Show `say` once, and go on helping. Call handoff_status for news; end_handoff if the user does not want to wait.',
  opening:
    'The desk has not decided yet: do not say that a human is coming. Say nothing and call handoff_status in a few seconds.',
  connecting: `The desk has the request and nobody has answered yet. Show \`say\`, nothing else. ${FOLLOW}`,
  asking:
    'Nobody has answered in time. Show `say` with its choices, and give the answer to send_user_message as waitChoice. You are still silent otherwise.',
  active: `A human has the conversation. Show \`say\` and \`agentMessages\`, nothing else. ${FOLLOW}`,
  closed:
    'The handoff is over and the conversation is yours again. Show `say`, read `packet` if it is there, and go on.',
};

/** While the desk has not taken a message that the user leaves. */
export const LEAVING =
  'The message is kept for the humans and goes to them as soon as the desk takes it: do not say that they have it. Go on helping, and look at handoff_status later.';

export const OFFER =
  'But ask the user whether he wants what `offers` names, with its `text`; if so, call request_handoff again with that `kind`.';

export const BUSY =
  'The desk could not be reached: no human is coming. Show `say` and go on helping. Ask again later only.';

export const SENT =
  'It is safe: the desk gets it, or an event message.failed says why not. Call handoff_status for the answer.';

export const ENDING = 'The end is decided; last messages are still on their way. Call handoff_status for how it ended.';

export const REFUSED =
  'No human was called and none is coming. Show `say` if it is not null, tell the user that nobody can be reached now, and go on helping.';

const AGAIN =
  'Whether it was done is not known. Make the same call again, with the same messageId, after retryAfterSeconds. Until then do not say that it worked.';

const ON_ERROR: Record<string, string> = {
  handoff_closed:
    'Nothing was delivered: the handoff is over and the conversation is yours. handoff_status tells how it ended; request_handoff asks for a human anew.',
  handoff_not_found: 'There is no such handoff of your bot. Check the id, or call request_handoff.',
  bot_not_found: 'There is no such bot for this key. Check botId.',
  wait_not_asked: 'The user is not being asked whether to wait. Leave waitChoice out and send the text.',
  email_not_expected: 'The handoff does not wait for an address. Go on with handoff_status.',
  invalid_request: 'Correct the arguments that `details` names.',
  handoff_starting: AGAIN,
  temporal_unavailable: AGAIN,
  postgresql_unavailable: AGAIN,
};

export const onError = (code: string): string =>
  ON_ERROR[code] ?? 'It failed on our side. Do not tell the user that it worked. You may try once more.';

const SPOKEN = new Set<HandoffEvent['type']>(['message.user', 'message.agent', 'message.read']);

/** The newest sentence of Baton's own among these events; null when it says nothing there. */
export function sentenceOf(events: HandoffEvent[]): string | null {
  const notice = events.findLast((event) => !SPOKEN.has(event.type) && 'text' in event.data);
  const text = notice?.data['text'];
  return typeof text === 'string' ? text : null;
}

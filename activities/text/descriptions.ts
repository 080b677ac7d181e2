import type { UserTextKey } from './languages.ts';

/** When the user reads which sentence, for whoever writes his own. */
export const TEXT_DESCRIPTIONS: Record<UserTextKey, string> = {
  email_required: 'Asks for the e-mail address that the desk needs.',
  scheduled: 'The user is connected when the service hours begin; the bot goes on until then.',
  connecting: 'The desk has the request; nobody has answered yet.',
  busy: 'The desk could not take the request. The bot goes on.',
  wait_timeout: 'The wait time is over: asks whether to keep waiting.',
  wait_choice_wait: 'The choice to keep waiting.',
  wait_choice_end: 'The choice to stop waiting.',
  active: 'The agent has answered for the first time.',
  agent_changed: 'Another agent has the conversation.',
  snoozed: 'The agent has set the conversation aside for later.',
  desk_changed: 'Nobody has answered at the first desk: the request goes on to the second one.',
  message_failed: "A message of the user's could not be delivered.",
  closed_by_user: 'The end, by the user.',
  closed_by_agent: 'The end, by the agent.',
  closed_by_bot: 'The end, by the bot.',
  closed_wait_timeout: 'The end: nobody has answered in the wait time.',
  closed_inactivity: 'The end: the user or the agent has been silent for too long.',
  closed_email_not_given: 'The end: no e-mail address was given.',
  closed_desk_unavailable: 'The end: the desk could not be reached, or has refused.',
  closed_by_operator: 'The end, by an operator.',
  closed_message_left: 'The desk has the message that the user has left.',
  offer_message: 'The offer to leave a message, when no human is there.',
  offer_next_opening: 'The offer to be connected when the service hours begin.',
  out_of_hours: 'Somebody asks for a human outside the hours. Goes before the out-of-hours reply of the settings.',
};

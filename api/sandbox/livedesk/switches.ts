/** What EngageLab does not publish. The defaults are what the API that LiveDesk descends from does. */
export interface LivedeskSwitches {
  /** False: a message with `message_type: "incoming"` is taken as the agent's, and the answer says 1. */
  supportsIncoming: boolean;
  /** Reading conversations, their messages and those of a contact; false: 404. */
  reading: boolean;
  /** The API channel has an AI Agent: its new conversations begin in `pending`. */
  aiAgent: boolean;
  /** Where `echo_id` comes back: in the answer, when the message is read and in webhooks, in the answer only, nowhere. */
  echoIds: 'everywhere' | 'answer' | 'none';
  /** As whom the API's own messages are shown. */
  apiSender: 'agent_bot' | 'user';
  /** `message_type` in webhooks. */
  webhookTypes: 'text' | 'number';
  /**
   * How a change of status is told: by one event or the other, by both, or as an agent bot hears it
   * (`conversation_resolved`, `conversation_opened`, nothing else, no `changed_attributes`).
   */
  statusEvents: 'conversation_status_changed' | 'conversation_updated' | 'both' | 'bot';
  /** Whether the AI Agent hears what is said while humans have the conversation. */
  botHears: 'all' | 'pending';
  /** Changes leave a line of the desk itself, which is told as well. */
  activities: boolean;
  /** A satisfaction survey goes out with a close. */
  survey: boolean;
  /** What the customer writes opens a conversation that is over. */
  reopens: boolean;
  /** Webhooks are signed as newer versions do; `settings` then has a `webhookSecret`. */
  signs: boolean;
  /** The form of errors. */
  errors: 'error' | 'errors' | 'message' | 'fields' | 'none';
  /** A new conversation goes to the first agent at once, and a webhook says so. */
  routes: boolean;
}

export const SWITCHES: LivedeskSwitches = {
  supportsIncoming: true,
  reading: true,
  aiAgent: false,
  echoIds: 'everywhere',
  apiSender: 'agent_bot',
  webhookTypes: 'text',
  statusEvents: 'conversation_status_changed',
  botHears: 'all',
  activities: true,
  survey: false,
  reopens: true,
  signs: false,
  errors: 'error',
  routes: false,
};

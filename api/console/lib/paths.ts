/** The address of a bot in the API; what belongs to it is below. */
export const botPath = (id: string): string => `/v1/bots/${encodeURIComponent(id)}`;

/** Of a conversation in the messenger of the bot's desk. */
export const conversationPath = (botId: string, id: string): string =>
  `${botPath(botId)}/conversations/${encodeURIComponent(id)}`;

/** Of a handoff. */
export const handoffPath = (id: string): string => `/v1/handoffs/${encodeURIComponent(id)}`;

export type RelayActivities = typeof relayActivities;

export const relayActivities = {
  /** One call of the desk's `chat`, as Baton makes it. */
  async post(url: string, conversationId: string, text: string): Promise<void> {
    const response = await fetch(`${url}/chat`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ conversation_id: conversationId, timestamp: Date.now(), body: text }),
    });
    await response.text();
    if (!response.ok) throw new Error(`the desk answered ${response.status}`);
  },
};

/** What Sobot sets by hand for a customer, and what it does not publish. */
export interface SobotSwitches {
  /** The robot is asked for a stream. */
  stream: boolean;
  /** Each robot call comes again so many times with the same `runtimeid`, after the first is answered. */
  repeats: number;
  /** The connection is given up after the first part of a stream. */
  cutStreams: boolean;
  /** Requests have fields that nobody has heard of, and lack those that may be absent. */
  oddRequests: boolean;
  /** After a human session the robot is called with a new `ai_agent_cid`. */
  newCid: boolean;
  /** The feed of sessions and messages; `wrong`: with a wrong signature. */
  forwarding: 'off' | 'unsigned' | 'signed' | 'wrong';
  /** Whether the feed names widget sessions by `ai_agent_cid` or by ids of its own. */
  forwardCid: 'robot' | 'own';
  /** Whether messages of agents, and what else happens to an API session, is pushed to the registered address. */
  pushes: boolean;
  /** The shorter form has neither a session nor a time. */
  pushForm: 'unread' | 'offline';
  /** A push's content is itself JSON. */
  pushJson: boolean;
  /** A connection that is there at once is pushed as well. */
  pushConnected: boolean;
  /** Under which of the two published prefixes the API is; the other answers 404. */
  prefixes: 'both' | 'short' | 'chat';
  /** Where the token is looked for. */
  tokenIn: 'token' | 'bearer';
  /** A new token makes the ones before worthless. */
  strictTokens: boolean;
  /** How the two fields of every answer are spelled. */
  envelope: 'ret_code' | 'retCode';
  /** Where lists are. */
  listIn: 'items' | 'item';
  /** Numbers come as text. */
  numbersAsText: boolean;
  /** What a second connection of the same user is told: 4 or -1. */
  connectedAgain: 4 | -1;
  /** Who is there: agents, only busy ones, nobody. */
  staff: 'free' | 'busy' | 'nobody';
  /** Whether it is working time. */
  working: boolean;
}

export const SWITCHES: SobotSwitches = {
  stream: false,
  repeats: 0,
  cutStreams: false,
  oddRequests: false,
  newCid: false,
  forwarding: 'off',
  forwardCid: 'robot',
  pushes: true,
  pushForm: 'unread',
  pushJson: false,
  pushConnected: false,
  prefixes: 'both',
  tokenIn: 'token',
  strictTokens: false,
  envelope: 'ret_code',
  listIn: 'items',
  numbersAsText: false,
  connectedAgain: 4,
  staff: 'free',
  working: true,
};

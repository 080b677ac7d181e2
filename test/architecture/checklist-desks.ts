import type { Line } from './checklist.ts';

/** Lines 17 to 45: what the other desks must do. What only the vendor's live system could show says so. */

const icCalls = 'contract/intercom-wire.test.ts';
const icHooks = 'contract/intercom-webhook.test.ts';
const zoCalls = 'contract/zoho-salesiq-wire.test.ts';
const zoHooks = 'contract/zoho-salesiq-webhook.test.ts';
const ldCalls = 'contract/livedesk-wire.test.ts';
const lcCalls = 'contract/livechat-wire.test.ts';
const lcHooks = 'contract/livechat-webhook.test.ts';
const lcNative = 'contract/livechat-native.test.ts';
const ends = 'e2e/desks-ends.test.ts';
const talks = 'e2e/desks.test.ts';
const ownMessenger = 'e2e/desks-native.test.ts';
const outbound = 'contract/conformance/outbound.ts';

const intercom: Line[] = [
  { n: 18, asks: 'the access token is kept and used', shown: [[icCalls, 'names the pinned version and the token']] },
  {
    n: 19,
    asks: 'an address to paste at the desk',
    shown: [
      ['api/subscription.test.ts', 'leaves it to the operator where the desk has no such API'],
      [icHooks, 'names every topic that the desk understands, those of the user in native mode only'],
    ],
  },
  {
    n: 20,
    asks: 'the four topics are understood',
    shown: [
      [icHooks, 'a comment of a human, plain or HTML, with files and pictures'],
      [icHooks, 'a close, snooze and unsnooze, read, deletion'],
    ],
  },
  {
    n: 21,
    asks: 'a request is a conversation that agents see',
    shown: [
      [icCalls, 'asks as the user, tells the context as a note, and assigns the team'],
      [outbound, 'gives agents the question and the talk before it, each once, and the user none of it'],
    ],
  },
  {
    n: 22,
    asks: "the first human's reply starts the session",
    shown: [
      [talks, 'the agent sees the context and the question, and both talk at speed, each word once and in order'],
    ],
  },
  {
    n: 23,
    asks: 'a close by the agent ends it',
    shown: [
      [icHooks, 'a close, snooze and unsnooze, read, deletion'],
      [ends, 'agent_closed with the words "%s": nothing is sent back'],
    ],
  },
  {
    n: 24,
    asks: 'a snooze parks it; here the handoff stays open and its silence timers stand still; read changes nothing',
    shown: [
      ['unit/core.test.ts', 'stands still until its time, then the silence counts anew'],
      ['unit/core.test.ts', 'a read receipt is told and moves nothing'],
    ],
  },
  {
    n: 25,
    asks: 'in its own messenger the conversation goes to a team',
    shown: [
      [icCalls, 'assigns the team with the context as a note, and takes the bot out'],
      [ownMessenger, 'a handoff gives it to the humans with a note, silences the bot and keeps what both say'],
    ],
  },
];

const livechat: Line[] = [
  {
    n: 31,
    asks: 'organization and client id are enough to call, the key of the webhooks to listen',
    shown: [
      [lcCalls, '[31] external needs organization, client id and the webhook secret; no more'],
      [lcCalls, '[31] makes a customer from organization, client id and our address, without any secret'],
    ],
  },
  {
    n: 32,
    asks: "the chat webhooks use Baton's address; app webhooks carry no proof and are refused",
    shown: [
      [lcHooks, 'the guide names what to do by hand'],
      [lcHooks, 'refuses app webhooks: nothing shows who sent them'],
    ],
  },
  {
    n: 33,
    asks: 'one event brings messages, the other ends the session',
    shown: [
      [lcHooks, "[33] an agent's message is a reply, with the thread in the conversation's id"],
      [lcHooks, 'a thread that we closed ourselves is an echo; natively the user did it'],
      [ends, 'agent_closed with the words "%s": nothing is sent back'],
    ],
  },
  {
    n: 34,
    asks: 'what the native mode needs',
    shown: [[lcCalls, '[34] native names the five fields it needs besides']],
  },
  {
    n: 35,
    asks: 'webhooks only with the right key',
    shown: [
      [lcHooks, '[35] takes a webhook with the right secret key'],
      [lcHooks, 'refuses everything when no secret is configured'],
    ],
  },
  {
    n: 36,
    asks: 'the seat is a human one of the same project',
    shown: [[lcNative, '[36] refuses %s: no human seat of this license']],
  },
];

const sobot: Line[] = [
  {
    n: 17,
    asks: 'Sobot: only for users in its widget',
    shown: [
      ['contract/sobot-wire.test.ts', 'refuses who is not in the widget'],
      ['api/channels.test.ts', 'refuses every other channel, however it is set'],
    ],
  },
];

/** What LiveDesk has not published: its README says what stands for it. */
const NOT_PUBLISHED = 'LiveDesk has published no such call or event';

const livedesk: Line[] = [
  {
    n: 26,
    asks: 'the key is kept, and tried before the service is available',
    shown: [
      [ldCalls, '[26] the key pair is needed and secret, as is the token of the address'],
      [ldCalls, '[26] is contact, conversation, private context, question, with the published credentials'],
      [ldCalls, '[26] reads only, and says that the channel is not proven'],
    ],
  },
  {
    n: 27,
    asks: 'in its own messenger only in native mode',
    shown: [
      [ldCalls, '[27] a handoff is a private note, then the published hand-over of a bot'],
      [ldCalls, '[27] is on only when the bot is in it: external mode refuses users of LiveDesk'],
    ],
  },
  {
    n: 28,
    asks: 'an AI Agent that is deleted there is unavailable here: shown by the key that is refused',
    shown: [[ldCalls, '[28] a key that LiveDesk refuses with %i is the reason that is shown']],
  },
  { n: 29, asks: 'name and picture of the AI Agent are pushed there', elsewhere: NOT_PUBLISHED },
  { n: 30, asks: 'tags at a close and at a transfer', elsewhere: NOT_PUBLISHED },
];

const zoho: Line[] = [
  {
    n: 37,
    asks: 'client, secret, screen name and region are needed',
    shown: [[zoCalls, '[37] cannot be without client, secret, screen name, region and group']],
  },
  {
    n: 38,
    asks: 'the screen name is one segment of a path',
    shown: [[zoCalls, '[38] %j is no screen name']],
  },
  { n: 39, asks: 'the region chooses the addresses', shown: [[zoCalls, '[39] every region has its own consent page']] },
  {
    n: 40,
    asks: 'consent, with a return address for each mode',
    shown: [
      [zoCalls, '[40] has one return address for each mode, and asks for a refresh token'],
      ['api/consent.test.ts', 'makes an unavailable desk available'],
    ],
  },
  {
    n: 41,
    asks: 'a public key is optional, and once set it counts',
    shown: [[zoHooks, '[41] is not asked for without a key, and no key that cannot be read opens the door']],
  },
  {
    n: 42,
    asks: 'with a key, what it does not verify is refused',
    shown: [
      [zoHooks, '[42] is refused when it is missing, altered, of other bytes or not the one spelling'],
      ['contract/zoho-salesiq-native.test.ts', 'what is signed with another key never reaches the bot'],
    ],
  },
  {
    n: 43,
    asks: 'a group is chosen, and gets the conversations',
    shown: [
      [zoCalls, '[43] department %s is refused with the list'],
      ['contract/zoho-salesiq-native.test.ts', 'goes to the group of the settings, and from then on Baton watches'],
    ],
  },
  {
    n: 44,
    asks: 'files from there are not shown; the session goes on',
    shown: [[zoHooks, '[44] has a notice in the place of a file, or only says who is there']],
  },
  {
    n: 45,
    asks: 'a warning of the model that may not call for a human',
    shown: [[zoHooks, '[45] warns in native mode of the model that may not call for a human']],
  },
];

export const otherDesks: Line[] = [...sobot, ...intercom, ...livedesk, ...livechat, ...zoho];

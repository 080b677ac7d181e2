import { otherDesks } from './checklist-desks.ts';

/**
 * The features that Baton matches line by line, by the numbers of the list it was built from: what each line asks for in
 * our words, and the tests that show it. `elsewhere` says why a line has no test.
 */
export interface Line {
  n: number;
  asks: string;
  /** File below `test/`, and the name of the test as it stands in that file. */
  shown?: readonly (readonly [file: string, test: string])[];
  elsewhere?: string;
}

const FLOW = "the bot's own flow: Baton is one call in it";

const start = 'api/start.test.ts';
const bots = 'api/bots.test.ts';
const human = 'api/human.test.ts';
const more = 'api/checklist.test.ts';
const settings = 'unit/settings.test.ts';
const small = 'unit/checklist.test.ts';
const core = 'unit/core.test.ts';
const hours = 'unit/hours.test.ts';
const texts = 'unit/texts.test.ts';
const wire = 'contract/webhook-wire.test.ts';
const run = 'workflow/handoff.test.ts';
const timers = 'workflow/timers.test.ts';
const playground = 'browser/playground.test.ts';

const EVERY_DESK = '[15] [16] every desk offers the external mode, and those with a messenger for both the native one';
const VERIFIED = 'follows the verification of new credentials, and a save succeeds all the same';
const FIRST_REPLY = 'delivers the reply and starts the session [62] [63] [64]';
const WAIT_ASKED = '[81] [82] asks after 60 s without a human and ends after 60 s more';
const EXPIRY = '[85] [86] [87] [88] expires 180 s after the second agent message, not the first';
const DESK_DOWN = 'rule 13: a desk that fails at opening is retried, then busy, then closed';
const LATE = 'keeps a reply to a closed handoff as late and tells the desk so: 40356 [66] [107]';
const CODES = '40127, 20055, 40356, 40358 on %s';
const DEFAULT_EMAIL = 'falls back to the default of the bot on other channels [75] [77]';
const TOOL = 'has the forms of OpenAI, Anthropic and MCP, with the trigger in each';
const BODY = '[47] [51] [52] [53] is the documented body, byte for byte';

const settingsLines: Line[] = [
  {
    n: 1,
    asks: 'a bot that is off hands nothing over',
    shown: [[start, 'refuses with a reason: disabled, not configured']],
  },
  { n: 2, asks: 'a bot has one desk', shown: [[small, '[2] a bot has one desk or none, never several']] },
  {
    n: 3,
    asks: 'the kinds of desks are a closed list; another word is named as wrong',
    shown: [
      [settings, '[3] refuses an unknown desk and names the known ones'],
      ['contract/conformance/about.ts', 'has a wire name of the enum, a page and a mode'],
    ],
  },
  { n: 4, asks: 'on and off have two values', shown: [[small, '[4] on and off are true and false, and nothing else']] },
  { n: 5, asks: 'credentials are tried before the service is available', shown: [[bots, VERIFIED]] },
  {
    n: 6,
    asks: 'no credentials: not configured',
    shown: [[bots, 'is not_configured without a desk, and verify says so']],
  },
  { n: 7, asks: 'credentials that work: available', shown: [[bots, VERIFIED]] },
  {
    n: 8,
    asks: 'credentials refused in a real call: unavailable',
    shown: [[run, 'rule 13: refused credentials end at once and make the service unavailable']],
  },
  { n: 9, asks: 'the trigger text can be changed and reaches the model', shown: [[bots, TOOL]] },
  {
    n: 10,
    asks: 'other settings change without the credentials being typed again',
    shown: [
      [settings, '[10] stay when other fields change, in part or as a whole'],
      [bots, 'never show a secret in any answer, and keep it through PATCH and PUT'],
    ],
  },
  {
    n: 11,
    asks: 'external mode: every channel may ask',
    shown: [[more, '[11] in external mode a request may come from every channel']],
  },
  {
    n: 12,
    asks: "external mode: the desk's own messenger may not",
    shown: [['api/webhooks.test.ts', "a channel of the desk's own messenger is refused in external mode"]],
  },
  {
    n: 13,
    asks: "native mode: the desk's own messenger may ask",
    shown: [[more, "[13] [14] in native mode only from the desk's own messenger"]],
  },
  {
    n: 14,
    asks: 'native mode: no other channel may',
    shown: [[more, "[13] [14] in native mode only from the desk's own messenger"]],
  },
  {
    n: 15,
    asks: 'which desks offer the external mode: all six',
    shown: [[small, EVERY_DESK]],
  },
  {
    n: 16,
    asks: 'which desks offer the native mode: not Webhook, not Sobot',
    shown: [[small, EVERY_DESK]],
  },
];

const webhookLines: Line[] = [
  {
    n: 46,
    asks: 'an address, and credentials if one likes',
    shown: [[wire, '[46] the address is mandatory, user name and password are optional']],
  },
  { n: 47, asks: 'the opening call and its fields', shown: [[wire, BODY]] },
  {
    n: 48,
    asks: 'the address may have a path',
    shown: [[wire, '[48] the base address may have a path, with or without a slash at its end']],
  },
  {
    n: 49,
    asks: 'Basic authentication only when set',
    shown: [[wire, '[49] Basic authentication is sent only when it is configured']],
  },
  {
    n: 50,
    asks: 'a conversation id of its own for every handoff',
    shown: [
      [wire, '[50] the conversation id is that of the handoff'],
      ['contract/conformance/outbound.ts', 'makes another conversation for another handoff'],
    ],
  },
  { n: 51, asks: 'time in milliseconds', shown: [[wire, BODY]] },
  { n: 52, asks: 'questions and answers as the context', shown: [[wire, BODY]] },
  {
    n: 53,
    asks: 'who the user is; a phone number from WhatsApp only',
    shown: [
      [wire, BODY],
      [wire, '[53] the phone number is there only for users of WhatsApp'],
    ],
  },
  {
    n: 54,
    asks: '200 is yes, everything else is no',
    shown: [
      [wire, '[54] status 200 without a bad code is success'],
      [wire, '[54] every other status and a bad code is a failure'],
    ],
  },
  {
    n: 55,
    asks: 'one call for each message of the user',
    shown: [[wire, '[55] is the documented body, byte for byte']],
  },
  {
    n: 56,
    asks: 'in the order they were sent',
    shown: [
      [wire, '[56] messages arrive in the order they are sent'],
      ['api/messages.test.ts', 'travels to the desk in order; the same id again changes nothing'],
    ],
  },
  { n: 57, asks: 'the desk hears that the user left', shown: [[wire, '%s %s is %s']] },
  { n: 58, asks: 'the desk hears that time ran out', shown: [[wire, '%s %s is %s']] },
  { n: 59, asks: 'there is no third word', shown: [[wire, '[59] no reason gives any other type']] },
  {
    n: 60,
    asks: "the desk's answers are read and logged (not their words)",
    shown: [[wire, '[60] the code is parsed and logged, the message stays out of the log: it may quote a user']],
  },
  {
    n: 61,
    asks: 'the desk may call only while the API of the bot is on',
    shown: [['api/access.test.ts', "of a bot whose API is off are refused everywhere, the operator's is not [61]"]],
  },
  { n: 62, asks: 'the fields of a reply', shown: [[human, FIRST_REPLY]] },
  { n: 63, asks: 'the reply reaches the user', shown: [[human, FIRST_REPLY]] },
  { n: 64, asks: 'the first one begins the talk', shown: [[human, FIRST_REPLY]] },
  { n: 65, asks: 'the fields of a close', shown: [[human, 'closes; again is success again [65] [66]']] },
  {
    n: 66,
    asks: 'nothing of the human reaches the user after it',
    shown: [
      [human, 'closes; again is success again [65] [66]'],
      [human, LATE],
    ],
  },
  { n: 67, asks: 'a bearer key in, code and message out', shown: [[human, CODES]] },
  {
    n: 68,
    asks: 'the five error codes',
    shown: [
      [human, CODES],
      [human, '40000 for a close without its fields'],
    ],
  },
];

const requestLines: Line[] = [
  { n: 69, asks: 'the model decides, by calling a tool', shown: [[bots, TOOL]] },
  {
    n: 70,
    asks: 'web channels: no address, no handoff yet',
    shown: [
      [start, 'is asked for on %s when unknown [70]'],
      [core, 'asks for the e-mail before anything goes to the desk, and lapses without it'],
    ],
  },
  {
    n: 71,
    asks: 'a known address is not asked for',
    shown: [[more, '[71] a known address is not asked for and goes to the desk']],
  },
  {
    n: 72,
    asks: 'address from a login',
    elsewhere: 'Baton has no users who log in: the bot gives the address of their account as user.email (line 71)',
  },
  {
    n: 73,
    asks: 'address from a script of the web page, shown by the chat window of the playground',
    shown: [[playground, '[73] that a script of the page tells with Baton.setEmail is not asked for']],
  },
  {
    n: 74,
    asks: 'address from a query parameter, shown there as well',
    shown: [[playground, '[74] in the query of an iframe is not asked for']],
  },
  { n: 75, asks: 'a default address where the channel has none', shown: [[start, DEFAULT_EMAIL]] },
  { n: 76, asks: 'the default address of LiveChat can be changed', shown: [[start, DEFAULT_EMAIL]] },
  { n: 77, asks: 'the API channel may leave the address out', shown: [[start, DEFAULT_EMAIL]] },
  {
    n: 78,
    asks: 'a desk that fails: the user reads busy',
    shown: [
      [core, 'rule 13: a desk that cannot be opened makes the user see busy, then closed'],
      [run, DESK_DOWN],
    ],
  },
  {
    n: 79,
    asks: 'a desk that accepts: the user reads connecting',
    shown: [
      [core, 'opens at the desk first and connects when it accepts'],
      [start, 'answers with the state after the desk has accepted'],
    ],
  },
  {
    n: 80,
    asks: 'after busy the bot goes on',
    shown: [[more, '[80] after busy the handoff is over, and the same conversation may ask again']],
  },
];

const timerLines: Line[] = [
  {
    n: 81,
    asks: 'the wait time: 60 s, a setting',
    shown: [
      [timers, WAIT_ASKED],
      [settings, 'are those of the design'],
    ],
  },
  {
    n: 82,
    asks: 'then the user is asked, or it ends, as set',
    shown: [
      [timers, WAIT_ASKED],
      [core, 'closes at once when the bot is set so'],
      [core, 'the user may answer that he does not want to wait'],
    ],
  },
  {
    n: 83,
    asks: 'waiting on takes the whole time again',
    shown: [[timers, '[83] keep waiting restarts the full wait, and a reply in it starts the session']],
  },
  { n: 84, asks: 'a reply in time cancels it', shown: [[timers, '[84] a reply at 59 s is in time']] },
  {
    n: 85,
    asks: 'the inactivity time: 180 s, a setting',
    shown: [
      [timers, EXPIRY],
      [settings, 'are those of the design'],
    ],
  },
  { n: 86, asks: "it counts from the human's last message", shown: [[timers, EXPIRY]] },
  {
    n: 87,
    asks: 'a human restarts it, the user stops it',
    shown: [
      [timers, EXPIRY],
      [timers, '[87] a user message at 179 s stops the clock for good'],
    ],
  },
  { n: 88, asks: 'at its end the handoff ends and the desk hears of it', shown: [[timers, EXPIRY]] },
  {
    n: 89,
    asks: 'both survive a restart',
    shown: [[timers, '[89] both timers survive a worker that is away while they run']],
  },
];

const hoursLines: Line[] = [
  { n: 90, asks: 'ten periods, not eleven', shown: [[settings, '[90] takes ten periods and refuses the eleventh']] },
  { n: 91, asks: 'weekly periods', shown: [[hours, '[91] [92] adds a date to the weekly rules of that day, once']] },
  {
    n: 92,
    asks: 'periods of one date',
    shown: [[hours, '[91] [92] adds a date to the weekly rules of that day, once']],
  },
  {
    n: 93,
    asks: 'only the periods of the day count',
    shown: [[hours, '[93] keeps only the rules of the natural day']],
  },
  {
    n: 94,
    asks: 'overlapping periods become one',
    shown: [[hours, '[94] merges overlapping ranges to their union and keeps separate ones apart']],
  },
  {
    n: 95,
    asks: 'four periods of the sample become two',
    shown: [[hours, '[95] merges the sample of the documentation to 09-12 and 13-18']],
  },
  { n: 96, asks: 'inside: to the desk', shown: [[more, '[96] inside a period a request goes to the desk']] },
  {
    n: 97,
    asks: 'outside: a text, and no call',
    shown: [[start, 'refuses out of hours in the language of the user, without calling the desk [97]']],
  },
  {
    n: 98,
    asks: 'touching, half-open, in a zone, and no end for what is open',
    shown: [
      [hours, '[98] merges touching ranges'],
      [hours, '[98] is half-open: the first minute is inside, the end minute outside'],
      [hours, 'follows zones with offsets of 30 and 45 minutes'],
      [more, '[98] an open handoff outlives the period it began in'],
    ],
  },
];

const talkLines: Line[] = [
  {
    n: 99,
    asks: 'rounds and question go to the desk',
    shown: [[more, '[99] N rounds of the talk and the question reach the desk']],
  },
  {
    n: 100,
    asks: 'how many is a setting; fewer are sent whole',
    shown: [
      [texts, '[100] are the last N, oldest first'],
      [texts, '[100] are all when there are fewer, and none when N is 0'],
    ],
  },
  {
    n: 101,
    asks: 'the talk begins with the first reply, not with the acceptance',
    shown: [
      [core, 'rule 2: the first reply starts the session'],
      [core, 'rule 2: an agent who joins does not start it'],
    ],
  },
  {
    n: 102,
    asks: 'no limit of messages',
    shown: [
      [run, 'rule 11: continue-as-new with a small limit loses nothing'],
      [
        'workflow/long.test.ts',
        'rule 11: more than 12,000 messages in one handoff, over many runs, all in order and each once',
      ],
    ],
  },
  {
    n: 103,
    asks: 'the user may end it',
    shown: [['api/messages.test.ts', '%j ends it as %s, and again is the same answer']],
  },
  { n: 104, asks: 'the human may end it', shown: [[human, 'closes; again is success again [65] [66]']] },
  {
    n: 105,
    asks: 'the bot is silent meanwhile',
    shown: [['api/messages.test.ts', 'rule 4: says that the bot is silent from opening to closed']],
  },
  {
    n: 106,
    asks: 'afterwards one may ask again',
    shown: [['api/messages.test.ts', 'lets the conversation ask again [106]']],
  },
  { n: 107, asks: 'what comes after the end is not shown', shown: [[human, LATE]] },
  {
    n: 108,
    asks: 'the same rules for every desk',
    shown: [['architecture/layers.test.ts', 'a desk is named by the registry and by nothing else']],
  },
  { n: 109, asks: "two response modes of the bot's own API carry no human", elsewhere: FLOW },
  {
    n: 110,
    asks: "what the human writes reaches the backend's address, with bearer or basic",
    shown: [[more, 'gets what the agent writes, signed, with %s authorization']],
  },
  { n: 111, asks: 'the component of a flow that hands over', elsewhere: FLOW },
  { n: 112, asks: 'several such components', elsewhere: FLOW },
  { n: 113, asks: 'nothing of the flow after it', elsewhere: FLOW },
];

export const CHECKLIST: readonly Line[] = [
  ...settingsLines,
  ...otherDesks,
  ...webhookLines,
  ...requestLines,
  ...timerLines,
  ...hoursLines,
  ...talkLines,
];

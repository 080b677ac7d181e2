import { z } from 'zod';
import { baseAddress } from '../../http/base-address.ts';

const id = (max = 200) => z.string().trim().min(1).max(max);

/** Sobot's environments (sobot section 2); the one of a company comes with its credentials. */
const HOSTS = {
  sg: 'https://sg.sobot.io',
  us: 'https://us.sobot.com',
  cn: 'https://www.sobot.com',
  'cn-tencent': 'https://www.soboten.com',
} as const;

export const sobotConfig = z
  .strictObject({
    way: z
      .enum(['widget', 'openapi'])
      .default('widget')
      .meta({
        title: 'Way',
        description:
          'widget: the bot is the third-party robot of the Sobot widget and transfers the visitor to humans there. ' +
          'openapi: Baton speaks for the user by the live chat API; beyond what GPTBots documents, and it needs credentials.',
      }),
    robotId: id().exactOptional().meta({
      title: 'Robot ID',
      description: 'Widget only. When set, questions for another robot are refused.',
    }),
    groupName: id().exactOptional().meta({
      title: 'Skill group name',
      description: 'Widget only: the group that a transfer goes to, spelled exactly as in Sobot. Empty: Sobot decides.',
      placeholder: 'After-sales',
    }),
    transferText: z.string().min(1).max(2000).default('One moment, please. I am connecting you to a colleague.').meta({
      title: 'Text at the transfer',
      description: 'Widget only: what the visitor reads when the bot asks for a human and says nothing itself.',
    }),
    noAnswerText: z.string().min(1).max(2000).default('Sorry, I cannot answer at the moment. Please try again.').meta({
      title: 'Text without an answer',
      description: 'Widget only: what the visitor reads when the bot has said nothing within 9 seconds.',
    }),
    transferOnFailure: z.boolean().default(false).meta({
      title: 'Transfer on failure',
      description:
        'Widget only: when the bot has said nothing in time, the visitor goes to the humans of Sobot. No handoff begins.',
    }),
    region: z.enum(['sg', 'us', 'cn', 'cn-tencent']).default('sg').meta({
      title: 'Region',
      description: 'Environment of your Sobot account: sg.sobot.io, us.sobot.com, www.sobot.com or www.soboten.com.',
    }),
    appId: id().exactOptional().meta({
      title: 'App ID',
      description:
        'appid of the open platform, from Sobot staff. The open API way needs it; the widget only for checks.',
    }),
    appKey: z.string().min(1).max(500).exactOptional().meta({
      title: 'App key',
      description: 'app_key that belongs to the app ID.',
      secret: true,
    }),
    groupId: id().exactOptional().meta({
      title: 'Skill group ID',
      description:
        'Open API: the group that gets the handoffs. Both ways: outside its working hours (looked up with the app ID) users are told that nobody is there.',
    }),
    companyId: id().exactOptional().meta({
      title: 'Company ID',
      description:
        'Of your Sobot account. Message forwarding is signed with it; pushes that name another one are refused.',
    }),
    forwardKey: z.string().min(1).max(500).exactOptional().meta({
      title: 'Forwarding key',
      description: 'Key that Sobot set for signing forwarded messages. Without it forwarded messages are refused.',
      secret: true,
    }),
    baseUrl: baseAddress.exactOptional().meta({
      title: 'API address',
      description: 'Instead of the address of the region: a sandbox, or an environment that is not in the list.',
      placeholder: 'https://us.sobot.io',
    }),
  })
  .check(({ value, issues }) => {
    const need = (path: keyof typeof value, message: string): void => {
      if (value[path] === undefined) issues.push({ code: 'custom', path: [path], message, input: value });
    };
    const hasApp = value.way === 'openapi' || value.appId !== undefined || value.appKey !== undefined;
    if (hasApp) {
      need('appId', 'the open API needs app ID and app key');
      need('appKey', 'the open API needs app ID and app key');
    }
    if (value.forwardKey !== undefined) need('companyId', 'the signature of forwarded messages needs the company ID');
  });

export type SobotConfig = z.output<typeof sobotConfig>;

/** Without a slash at the end. */
export const hostOf = ({ baseUrl, region }: SobotConfig): string => baseUrl?.replace(/\/+$/, '') ?? HOSTS[region];

/** Two prefixes are published, and not which works where (sobot section 2): the likely one first. */
export function prefixesOf(config: SobotConfig): [string, string] {
  const [international, chinese] = ['/api/5/user', '/api/chat/5/user'];
  return new URL(hostOf(config)).hostname.endsWith('.sobot.io') ? [international, chinese] : [chinese, international];
}

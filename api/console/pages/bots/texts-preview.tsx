import { useState } from 'preact/hooks';
import { translator } from '../../lib/i18n.ts';
import { SelectField } from '../../ui/field.tsx';
import { Card, useForm } from './form.tsx';
import { resolveText } from './resolve-text.ts';
import type { BuiltInTexts } from './types.ts';

const t = translator({
  en: {
    title: 'As the user reads it',
    story: 'What happens',
    answered: 'A human answers',
    waits: 'Nobody answers',
    email: 'An email is needed, and not given',
    down: 'The desk is down',
    closed: 'Outside the hours, a message is left',
    opening: 'Outside the hours, connected at the opening',
    silence: '(nothing is said)',
    user: 'User',
    agent: 'Agent',
    service: 'Service',
    question: 'I want to talk to somebody.',
    reply: 'Hello, this is Ada. How can I help?',
  },
  fr: {
    title: 'Comme l’utilisateur le lit',
    story: 'Ce qui se passe',
    answered: 'Un humain répond',
    waits: 'Personne ne répond',
    email: 'Un e-mail est nécessaire, et pas donné',
    down: 'Le desk est en panne',
    closed: 'Hors horaires, un message est laissé',
    opening: 'Hors horaires, mise en relation à l’ouverture',
    silence: '(rien n’est dit)',
    user: 'Utilisateur',
    agent: 'Agent',
    service: 'Service',
    question: 'Je veux parler à quelqu’un.',
    reply: 'Bonjour, ici Ada. Comment puis-je vous aider ?',
  },
});

/** Text keys in the order of a handoff; `:agent` is what the agent says, `:message` and `:next_opening` what the user chooses. */
const STORIES = {
  answered: ['connecting', 'active', ':agent', 'agent_changed', 'snoozed', 'closed_by_agent'],
  waits: ['connecting', 'desk_changed', 'wait_timeout', 'closed_wait_timeout'],
  email: ['email_required', 'closed_email_not_given'],
  down: ['connecting', 'busy', 'closed_desk_unavailable'],
  closed: ['out_of_hours', ':message', 'closed_message_left'],
  opening: ['out_of_hours', ':next_opening', 'scheduled', 'connecting', 'active'],
};
type Story = keyof typeof STORIES;
const NAMES = Object.keys(STORIES) as Story[];

export function TextsPreview({ language, built }: { language: string; built: BuiltInTexts }) {
  const [story, setStory] = useState<Story>('answered');
  return (
    <div class="texts-preview">
      <Card title={t('title')}>
        <SelectField
          label={t('story')}
          value={story}
          choices={NAMES.map((name) => ({ value: name, text: t(name) }))}
          onChange={(value) => setStory(value as Story)}
        />
        <ol class="chat">
          <Line who="user" text={t('question')} />
          {STORIES[story].map((key) =>
            key === ':agent' ? (
              <Line key={key} who="agent" text={t('reply')} />
            ) : key.startsWith(':') ? (
              <Chosen key={key} textKey={`offer_${key.slice(1)}`} language={language} built={built} />
            ) : (
              <Said key={key} textKey={key} language={language} built={built} />
            ),
          )}
        </ol>
      </Card>
    </div>
  );
}

function Line({ who, text }: { who: 'user' | 'agent'; text: string }) {
  return (
    <li class={`line ${who}`}>
      <span class="who">{t(who)}</span>
      {text}
    </li>
  );
}

/** A button that the user has pressed. */
function Chosen({ textKey, language, built }: { textKey: string; language: string; built: BuiltInTexts }) {
  const { settings } = useForm();
  return <Line who="user" text={resolveText(textKey, language, settings.texts, built) ?? t('silence')} />;
}

function Said({ textKey, language, built }: { textKey: string; language: string; built: BuiltInTexts }) {
  const { settings } = useForm();
  const said = (key: string): string | null => resolveText(key, language, settings.texts, built);
  const text = textKey === 'out_of_hours' ? outOfHours(settings, language, built) : said(textKey);
  const buttons = textKey === 'wait_timeout' ? [said('wait_choice_wait'), said('wait_choice_end')] : [];
  return (
    <li class="line service">
      <span class="who">{t('service')}</span>
      {text === null ? <em>{t('silence')}</em> : <span lang={language}>{text}</span>}
      {buttons.length > 0 ? (
        <span class="row" lang={language}>
          {buttons.map((button, at) =>
            button === null ? null : (
              <span key={at} class="chip">
                {button}
              </span>
            ),
          )}
        </span>
      ) : null}
    </li>
  );
}

/** An own text goes before the reply of the settings, and a changed reply before the built-in sentence. */
function outOfHours(
  { texts, outOfHoursReply }: { texts: Record<string, Record<string, string | null>>; outOfHoursReply: string },
  language: string,
  built: BuiltInTexts,
): string | null {
  const builtIn = built.texts['en']?.['out_of_hours'];
  if (outOfHoursReply === builtIn) return resolveText('out_of_hours', language, texts, built);
  const onlyOwn = resolveText('out_of_hours', language, texts, {
    ...built,
    texts: { en: { out_of_hours: outOfHoursReply } },
  });
  return onlyOwn;
}

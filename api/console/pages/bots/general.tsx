import { translator, word } from '../../lib/i18n.ts';
import { words } from '../../lib/texts.ts';
import { CheckField, NumberField, SelectField, TextField } from '../../ui/field.tsx';
import { DeleteCard } from './delete.tsx';
import { Card, SecondsField, useForm } from './form.tsx';
import type { Mode, Settings } from './types.ts';
import { t as te } from './words.ts';

const t = translator({
  en: {
    service: 'Service',
    enabled_hint: 'Off: every request for a human is refused. Open handoffs go on.',
    api_hint: 'Off: every call with a key of this bot is refused.',
    mode_hint:
      'External: users are on any channel but the desk’s own messenger. Native: users are in the desk’s messenger.',
    mode_missing: '{mode} (not offered by this desk)',
    asking: 'Asking for a human',
    trigger_hint: 'Tells the model when to ask. Part of the tool definition.',
    rounds_hint: 'Question and answer rounds that the desk reads before the question, 0 to 100.',
    waiting: 'While the user waits',
    wait_hint: 'Seconds that a user waits for a human, from the moment the desk has accepted; 5 to 86,400.',
    on_wait_hint: 'What happens when nobody has answered by then.',
    ask: 'Ask the user whether to keep waiting',
    close: 'End the handoff',
    talk: 'During the talk',
    inactivity_hint: 'Ends the handoff when the user leaves the agent’s last message unanswered for this many seconds.',
    silence_hint: 'Ends the handoff when the agent leaves the user without an answer for this many seconds.',
    never: 'Empty: never.',
    emails: 'Email addresses',
    email_hint: 'For users on channels that carry no address. On iframe, widget and share the user is asked instead.',
    email_timeout_hint: 'Seconds that the question for an address stays open.',
    idle_hint:
      'A conversation in the desk’s messenger ends after this many seconds without a message. The next one starts it again.',
  },
  fr: {
    service: 'Service',
    enabled_hint: 'Désactivé : toute demande d’un humain est refusée. Les transferts ouverts continuent.',
    api_hint: 'Désactivé : tout appel avec une clé de ce bot est refusé.',
    mode_hint:
      'Externe : les utilisateurs sont sur un autre canal que la messagerie du desk. Natif : ils sont dans la messagerie du desk.',
    mode_missing: '{mode} (non proposé par ce desk)',
    asking: 'Demander un humain',
    trigger_hint:
      'Dit au modèle quand demander. Fait partie de la définition de l’outil. Écrit de préférence en anglais.',
    rounds_hint: 'Tours question-réponse que le desk lit avant la question, de 0 à 100.',
    waiting: 'Pendant l’attente',
    wait_hint:
      'Secondes pendant lesquelles un utilisateur attend un humain, dès que le desk a accepté ; de 5 à 86 400.',
    on_wait_hint: 'Ce qui se passe si personne n’a répondu d’ici là.',
    ask: 'Demander à l’utilisateur s’il veut attendre encore',
    close: 'Mettre fin au transfert',
    talk: 'Pendant l’échange',
    inactivity_hint:
      'Met fin au transfert si l’utilisateur laisse le dernier message de l’agent sans réponse pendant ces secondes.',
    silence_hint: 'Met fin au transfert si l’agent laisse l’utilisateur sans réponse pendant ces secondes.',
    never: 'Vide : jamais.',
    emails: 'Adresses e-mail',
    email_hint:
      'Pour les utilisateurs de canaux sans adresse. Sur iframe, widget et share, l’utilisateur est interrogé à la place.',
    email_timeout_hint: 'Secondes pendant lesquelles la question d’une adresse reste ouverte.',
    idle_hint:
      'Une conversation dans la messagerie du desk se termine après ces secondes sans message. Le suivant la recommence.',
  },
});

export function GeneralTab() {
  return (
    <>
      <ServiceCard />
      <AskingCard />
      <div class="grid">
        <WaitingCard />
        <TalkCard />
      </div>
      <EmailCard />
      <DeleteCard />
    </>
  );
}

function ServiceCard() {
  const { settings, set, error, desks } = useForm();
  const offered = desks.find(({ id }) => id === settings.desk?.kind)?.modes;
  const nameOf = (mode: Mode): string => {
    const name = word(words, mode);
    return offered && !offered.includes(mode) ? t('mode_missing', { mode: name }) : name;
  };
  const choices = (['external', 'native'] as const).map((value) => ({ value, text: nameOf(value) }));
  return (
    <Card title={t('service')}>
      <CheckField
        name="enabled"
        label={te('enabled')}
        hint={t('enabled_hint')}
        value={settings.enabled}
        onChange={(value) => set('enabled', value)}
        error={error('enabled')}
      />
      <CheckField
        name="apiEnabled"
        label={te('apiEnabled')}
        hint={t('api_hint')}
        value={settings.apiEnabled}
        onChange={(value) => set('apiEnabled', value)}
        error={error('apiEnabled')}
      />
      <SelectField
        name="mode"
        label={te('mode')}
        hint={t('mode_hint')}
        value={settings.mode}
        choices={choices}
        onChange={(value) => set('mode', value as Mode)}
        error={error('mode')}
      />
      {settings.mode === 'native' ? (
        <SecondsField field="conversationIdleSeconds" label={te('conversationIdleSeconds')} hint={t('idle_hint')} />
      ) : null}
    </Card>
  );
}

function AskingCard() {
  const { settings, set, error } = useForm();
  return (
    <Card title={t('asking')}>
      <TextField
        name="trigger"
        label={te('trigger')}
        hint={t('trigger_hint')}
        lines={5}
        value={settings.trigger}
        onChange={(value) => set('trigger', value)}
        error={error('trigger')}
      />
      <NumberField
        name="contextRounds"
        label={te('contextRounds')}
        hint={t('rounds_hint')}
        min={0}
        max={100}
        value={settings.contextRounds}
        onChange={(value) => set('contextRounds', value)}
        error={error('contextRounds')}
      />
    </Card>
  );
}

function WaitingCard() {
  const { settings, set, error } = useForm();
  return (
    <Card title={t('waiting')}>
      <SecondsField field="waitTimeoutSeconds" label={te('waitTimeoutSeconds')} hint={t('wait_hint')} />
      <SelectField
        name="onWaitTimeout"
        label={te('onWaitTimeout')}
        hint={t('on_wait_hint')}
        value={settings.onWaitTimeout}
        choices={[
          { value: 'ask', text: t('ask') },
          { value: 'close', text: t('close') },
        ]}
        onChange={(value) => set('onWaitTimeout', value as Settings['onWaitTimeout'])}
        error={error('onWaitTimeout')}
      />
    </Card>
  );
}

function TalkCard() {
  return (
    <Card title={t('talk')}>
      <SecondsField
        field="inactivityTimeoutSeconds"
        label={te('inactivityTimeoutSeconds')}
        hint={t('inactivity_hint')}
      />
      <SecondsField
        field="agentSilenceTimeoutSeconds"
        label={te('agentSilenceTimeoutSeconds')}
        hint={t('silence_hint')}
        off={t('never')}
      />
    </Card>
  );
}

function EmailCard() {
  const { settings, set, error } = useForm();
  return (
    <Card title={t('emails')}>
      <div class="grid">
        <TextField
          name="defaultEmail"
          type="email"
          label={te('defaultEmail')}
          hint={t('email_hint')}
          value={settings.defaultEmail ?? ''}
          onChange={(value) => set('defaultEmail', value.trim() === '' ? null : value.trim())}
          error={error('defaultEmail')}
        />
        <SecondsField field="emailTimeoutSeconds" label={te('emailTimeoutSeconds')} hint={t('email_timeout_hint')} />
      </div>
    </Card>
  );
}

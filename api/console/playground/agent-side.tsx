import { useEffect, useState } from 'preact/hooks';
import type { Attachment } from '../../../workflows/contracts.ts';
import { Button } from '../ui/button.tsx';
import { CheckField, SelectField } from '../ui/field.tsx';
import { ErrorNote } from '../ui/notes.tsx';
import { Chat, Composer } from './chat.tsx';
import type { DeskTalk, Step } from './desk-side.ts';
import type { PlaceModel } from './place-model.ts';
import { t } from './texts.ts';

/** The simulated desk, as its agents see it. */
export function AgentSide({ model }: { model: PlaceModel }) {
  const { place, desk, current } = model;
  const [chosen, setChosen] = useState<string>();
  const [error, setError] = useState<unknown>();
  useEffect(() => setChosen(undefined), [current.value]);
  const talks = desk.talks.value.toReversed();
  const talk = talks.find(({ id }) => id === (chosen ?? current.value)) ?? talks[0];
  return (
    <section class="card side" aria-labelledby="agent-side">
      <div class="row spread">
        <h2 id="agent-side">{t('at_desk', { desk: place.title })}</h2>
        <CheckField
          label={t('script')}
          value={desk.state.value?.script === 'agent'}
          onChange={(on) => void desk.setScript(on ? 'agent' : 'silent').catch(setError)}
        />
      </div>
      {talks.length > 1 ? <Choice talks={talks} shown={talk} own={current.value} onChoose={setChosen} /> : null}
      {talk === undefined ? <p class="empty log">{t('no_conversations')}</p> : <Conversation talk={talk} />}
      {error === undefined ? null : <ErrorNote error={error} />}
      <Actions model={model} talk={talk} onError={setError} />
    </section>
  );
}

function Choice(props: {
  talks: DeskTalk[];
  shown: DeskTalk | undefined;
  own: string | undefined;
  onChoose(id: string): void;
}) {
  const choices = props.talks.map((talk) => ({
    value: talk.id,
    text: [
      titleOf(talk),
      ...(talk.id === props.own ? [t('this_one')] : []),
      ...(talk.closed ? [t('closed')] : []),
    ].join(' · '),
  }));
  return (
    <SelectField label={t('conversations')} value={props.shown?.id ?? ''} onChange={props.onChoose} choices={choices} />
  );
}

const MOST = 48;
function titleOf({ id, messages }: DeskTalk): string {
  const text = messages.findLast(({ from, text: words }) => from === 'user' && words !== '')?.text ?? id;
  return text.length > MOST ? `${text.slice(0, MOST)}…` : text;
}

function Conversation({ talk }: { talk: DeskTalk }) {
  const state = talk.closed ? t('closed') : talk.assignee === undefined ? '' : t('with', { who: talk.assignee });
  return (
    <>
      <p class="hint">
        {t('conversation')} <code>{talk.id}</code> {state === '' ? '' : `· ${state}`}
      </p>
      <Chat label={t('chat_agent')} lines={talk.messages} />
    </>
  );
}

/** The agent's hands. */
function Actions({
  model,
  talk,
  onError,
}: {
  model: PlaceModel;
  talk: DeskTalk | undefined;
  onError(error: unknown): void;
}) {
  const { desk, seat } = model;
  const [told, setTold] = useState<number>();
  const [to, setTo] = useState('');
  const names = [t('colleague'), 'Dana Reyes', ...(seat.value === undefined ? [] : [seat.value])];
  const target = names.includes(to) ? to : names[0]!;
  const act = async (step: Step, more: { text?: string; agent?: string; files?: Attachment[] } = {}): Promise<void> => {
    if (talk === undefined) return;
    onError(undefined);
    setTold(undefined);
    await desk.act(step, { conversationId: talk.id, ...more }).then(setTold, onError);
  };
  const withFiles = (text: string, files: Attachment[]) => ({ text, ...(files.length > 0 && { files }) });
  return (
    <>
      <Composer
        label={t('reply_as')}
        send={t('reply')}
        disabled={talk === undefined}
        onSend={(text, files) => act('reply', withFiles(text === '' ? files[0]!.name! : text, files))}
      />
      <Composer
        label={t('note')}
        send={t('note_button')}
        files={false}
        disabled={talk === undefined}
        onSend={(text) => act('note', { text })}
      />
      <div class="row hands">
        <SelectField
          label={t('transfer')}
          value={target}
          onChange={setTo}
          choices={names.map((name) => ({ value: name, text: name === seat.value ? t('to_bot') : name }))}
        />
        <Button disabled={talk === undefined} onPress={() => act('transfer', { agent: target })}>
          {t('do_transfer')}
        </Button>
        <Button kind="danger" disabled={talk === undefined || talk.closed} onPress={() => act('close')}>
          {t('close')}
        </Button>
      </div>
      <p class="hint" role="status">
        {told === undefined ? '' : told === 0 ? t('baton_silent') : t('baton_said', { status: told })}
      </p>
    </>
  );
}

import { useState } from 'preact/hooks';
import { query } from '../../lib/api.ts';
import { TIMEZONE } from '../../lib/i18n.ts';
import { handoffPath } from '../../lib/paths.ts';
import { Button, Outside } from '../../ui/button.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { Live } from '../../ui/state.tsx';
import { Deadline, HandoffState } from './table.tsx';
import { t } from './texts.ts';
import { agentName, NOBODY, nameOf, type HandoffView } from './views.ts';

/** Known by its user, else by its id. */
export function titleOf({ id, user = {} }: Pick<HandoffView, 'id'> & Partial<HandoffView>): string {
  const name = nameOf(user);
  return name === NOBODY ? t('one_id', { id }) : t('one', { user: name });
}

/** Who and how it stands, and what an operator can do with the whole of it. */
export function Head(props: { handoff: HandoffView; live: boolean; onClose(): Promise<void> }) {
  const { handoff, live, onClose } = props;
  const [asking, setAsking] = useState(false);
  const { links, agent } = handoff;
  return (
    <div class="stack">
      <h1>{titleOf(handoff)}</h1>
      <div class="row">
        <HandoffState handoff={handoff} />
        {handoff.deadline ? <Deadline handoff={handoff} /> : null}
        {agent ? <span>{t('agent_is', { name: agentName(agent) })}</span> : null}
        {handoff.status === 'closed' ? null : <Live live={live} />}
      </div>
      <div class="row">
        {handoff.status === 'closed' ? null : (
          <Button kind="danger" onPress={() => setAsking(true)}>
            {t('close')}
          </Button>
        )}
        <Export id={handoff.id} format="text" name={t('export_text')} />
        <Export id={handoff.id} format="json" name={t('export_json')} />
        {links.desk === null ? null : <Outside href={links.desk}>{t('at_desk')}</Outside>}
        {links.temporal === null ? null : <Outside href={links.temporal}>{t('temporal')}</Outside>}
      </div>
      {asking ? (
        <Confirm
          title={t('close_title')}
          text={t('close_text')}
          yes={t('close')}
          onYes={() => {
            setAsking(false);
            return onClose();
          }}
          onClose={() => setAsking(false)}
        />
      ) : null}
    </div>
  );
}

const Export = ({ id, format, name }: { id: string; format: 'text' | 'json'; name: string }) => (
  <a class="button" href={`${handoffPath(id)}/transcript${query({ format, timezone: TIMEZONE })}`} download>
    {name}
  </a>
);

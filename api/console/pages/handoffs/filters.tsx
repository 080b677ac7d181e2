import { word } from '../../lib/i18n.ts';
import { useResource } from '../../lib/resource.ts';
import { words } from '../../lib/texts.ts';
import { Button } from '../../ui/button.tsx';
import { SelectField, TextField, type Choice } from '../../ui/field.tsx';
import { useBots } from './bots.ts';
import { isEmpty, REASONS, STATUSES, type Filter } from './filter.ts';
import { t } from './texts.ts';

const inWords = (values: string[]): Choice[] => values.map((value) => ({ value, text: word(words, value) }));

export function Filters({ filter, onChange }: { filter: Filter; onChange(changed: Partial<Filter>): void }) {
  const bots = useBots();
  const desks = useResource<{ desks: { id: string; title: string }[] }>('/v1/desks').data?.desks ?? [];
  const all = { value: '', text: t('all') };
  const select = (name: keyof Filter, label: string, choices: Choice[]) => (
    <SelectField
      label={label}
      value={filter[name]}
      choices={[all, ...withCurrent(choices, filter[name])]}
      onChange={(value) => onChange({ [name]: value })}
    />
  );
  const time = (name: 'from' | 'to', label: string) => (
    <TextField
      label={label}
      type="datetime-local"
      value={filter[name]}
      onChange={(value) => onChange({ [name]: value })}
    />
  );
  return (
    <div role="group" aria-label={t('filters')} class="filters">
      {select(
        'botId',
        t('bot'),
        bots.map((id) => ({ value: id, text: id })),
      )}
      {select(
        'desk',
        t('desk'),
        desks.map(({ id, title }) => ({ value: id, text: title })),
      )}
      {select('status', t('state'), [{ value: 'open', text: t('open') }, ...inWords(STATUSES)])}
      {select('closeReason', t('end'), inWords(REASONS))}
      {time('from', t('from'))}
      {time('to', t('to'))}
      {isEmpty(filter) ? null : (
        <Button onPress={() => onChange({ botId: '', desk: '', status: '', closeReason: '', from: '', to: '' })}>
          {t('clear')}
        </Button>
      )}
    </div>
  );
}

/** The address may name a bot that is gone, or one that has not been read yet. */
const withCurrent = (choices: Choice[], value: string): Choice[] =>
  value === '' || choices.some((choice) => choice.value === value) ? choices : [...choices, { value, text: value }];

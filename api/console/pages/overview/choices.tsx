import { TextField, SelectField } from '../../ui/field.tsx';
import { useBots } from '../handoffs/bots.ts';
import { TIMEZONE } from '../../lib/i18n.ts';
import { dayText, RANGES, spanOf, type Choice, type Range } from './range.ts';
import { t } from './texts.ts';

/** Time and bot. */
export function Choices({ choice, onChange }: { choice: Choice; onChange(changed: Partial<Choice>): void }) {
  const bots = useBots();
  const now = new Date();
  const chooseRange = (range: Range): void => {
    if (range !== 'custom') return onChange({ range, from: '', to: '' });
    // The days that were on the screen are where a choice of days begins.
    const shown = spanOf(choice, now);
    onChange({ range, ...(shown ? { from: dayText(shown.from), to: dayText(now) } : {}) });
  };
  return (
    <div role="group" aria-label={t('choices')} class="stack">
      <div class="filters">
        <SelectField
          label={t('range')}
          value={choice.range}
          choices={RANGES.map((value) => ({ value, text: t(value) }))}
          onChange={(value) => chooseRange(value as Range)}
        />
        {choice.range === 'custom' ? <Days choice={choice} onChange={onChange} wrong={!spanOf(choice, now)} /> : null}
        <SelectField
          label={t('bot')}
          value={choice.botId}
          choices={[{ value: '', text: t('all_bots') }, ...bots.map((id) => ({ value: id, text: id }))]}
          onChange={(botId) => onChange({ botId })}
        />
      </div>
      <p class="hint">{t('zone', { zone: TIMEZONE })}</p>
    </div>
  );
}

function Days(props: { choice: Choice; wrong: boolean; onChange(changed: Partial<Choice>): void }) {
  const { choice, wrong, onChange } = props;
  return (
    <>
      <TextField label={t('from')} type="date" value={choice.from} onChange={(from) => onChange({ from })} />
      <TextField
        label={t('to')}
        type="date"
        value={choice.to}
        onChange={(to) => onChange({ to })}
        error={wrong ? t('days_wrong') : undefined}
      />
    </>
  );
}

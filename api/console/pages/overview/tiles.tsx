import { duration, number, percent } from '../../lib/i18n.ts';
import type { Figures } from './figures.ts';
import { t } from './texts.ts';

/** The figures in short. */
export function Tiles({ figures }: { figures: Figures }) {
  const { totals, firstReplySeconds: reply } = figures;
  const { started, refused } = totals;
  return (
    <section aria-labelledby="in-short">
      <h2 id="in-short" class="hidden">
        {t('summary')}
      </h2>
      <dl class="tiles">
        <Tile name={t('started')} value={number(started)} />
        <Tile
          name={t('answered')}
          value={number(totals.answered)}
          more={share('of_started', totals.answered, started)}
        />
        <Tile
          name={t('abandoned')}
          value={number(totals.abandoned)}
          more={share('of_started', totals.abandoned, started)}
        />
        <Tile name={t('refused')} value={number(refused)} more={share('of_requests', refused, started + refused)} />
        {totals.moved > 0 ? (
          <Tile name={t('moved')} value={number(totals.moved)} more={share('of_started', totals.moved, started)} />
        ) : null}
        <Tile name={t('median')} value={reply ? duration(reply.median) : t('no_value')} />
        <Tile name={t('p90')} value={reply ? duration(reply.p90) : t('no_value')} />
        <Tile name={t('messages')} value={number(totals.messages)} />
        <Tile name={t('failures')} value={number(totals.failures)} />
      </dl>
    </section>
  );
}

const share = (key: 'of_started' | 'of_requests', part: number, whole: number): string | undefined =>
  whole === 0 ? undefined : t(key, { percent: percent(part / whole) });

function Tile({ name, value, more }: { name: string; value: string; more?: string | undefined }) {
  return (
    <div class="tile">
      <dt>{name}</dt>
      <dd class="value">{value}</dd>
      {more ? <dd class="hint">{more}</dd> : null}
    </div>
  );
}

import { route, setQuery } from '../../lib/router.ts';
import type { ApiFailure } from '../../lib/api.ts';
import { useKept } from '../../lib/resource.ts';
import { tc } from '../../lib/texts.ts';
import { Button } from '../../ui/button.tsx';
import { Empty, ErrorNote, Loading } from '../../ui/notes.tsx';
import { Live } from '../../ui/state.tsx';
import { filterOf, isEmpty } from './filter.ts';
import { Filters } from './filters.tsx';
import { useReturn } from './left.ts';
import { useHandoffs, type Listed } from './read-list.ts';
import { HandoffTable } from './table.tsx';
import { t } from './texts.ts';

const STEP = 50;

/** All handoffs, live. Filters and how many are shown stand in the address. */
export function HandoffList() {
  const { query } = route.value;
  const filter = filterOf(query);
  const shown = Math.max(STEP, Number(query.get('shown')) || 0);
  const read = useHandoffs(filter, shown);
  const { data, error, reload } = read;
  const listed = useKept(read, JSON.stringify(filter));
  useReturn(listed !== undefined);
  return (
    <>
      <div class="row spread">
        <h1>{t('title')}</h1>
        <Live live={error === undefined} />
      </div>
      <Filters filter={filter} onChange={(changed) => setQuery({ ...filter, ...changed })} />
      {error && isTold(error, listed) ? <ErrorNote error={error} onRetry={reload} fields /> : null}
      {listed === undefined && !error ? <Loading /> : null}
      {listed ? (
        <>
          {listed.handoffs.length === 0 ? (
            <Empty>{isEmpty(filter) ? t('empty') : t('none_match')}</Empty>
          ) : (
            <HandoffTable handoffs={listed.handoffs} busy={data === undefined} />
          )}
          {listed.more ? (
            <p>
              <Button onPress={() => setQuery({ ...filter, shown: String(shown + STEP) })}>{tc('more')}</Button>
            </p>
          ) : null}
        </>
      ) : null}
    </>
  );
}

/** Rows that are there stay, and "reconnecting…" says that they are old; what a filter did wrong is always said. */
const isTold = (error: ApiFailure, listed: Listed | undefined): boolean =>
  listed === undefined || (error.status >= 400 && error.status < 500);

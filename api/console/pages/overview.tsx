import { route, setQuery } from '../lib/router.ts';
import { Empty, ErrorNote, Loading } from '../ui/notes.tsx';
import { Charts } from './overview/charts.tsx';
import { Choices } from './overview/choices.tsx';
import { useFigures } from './overview/figures.ts';
import { choiceOf } from './overview/range.ts';
import { t } from './overview/texts.ts';
import { Tiles } from './overview/tiles.tsx';

/** The figures that people run a service desk by. */
export function Overview() {
  const choice = choiceOf(route.value.query);
  const { figures, error, reload } = useFigures(choice);
  return (
    <>
      <h1>{t('title')}</h1>
      <Choices choice={choice} onChange={(changed) => setQuery({ ...choice, ...changed })} />
      {error ? <ErrorNote error={error} onRetry={reload} fields /> : null}
      {figures === undefined ? (
        error ? null : (
          <Loading />
        )
      ) : (
        <>
          <Tiles figures={figures} />
          {figures.totals.started + figures.totals.refused === 0 ? <Empty>{t('nothing')}</Empty> : null}
          <Charts figures={figures} />
        </>
      )}
    </>
  );
}

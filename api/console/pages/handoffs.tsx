import { HandoffList } from './handoffs/list.tsx';
import { OneHandoff } from './handoffs/one.tsx';

/** All handoffs, or the one that the address names. */
export function Handoffs({ path: [id] }: { path: string[] }) {
  return id === undefined ? <HandoffList /> : <OneHandoff key={id} id={id} />;
}

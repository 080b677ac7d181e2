import { useState } from 'preact/hooks';
import { say } from '../../ui/notes.tsx';

/** Does something at the API and says so; `refused` is why the last one was not done. */
export function useAct(): { act(call: () => Promise<unknown>, done: string): Promise<void>; refused: unknown } {
  const [refused, setRefused] = useState<unknown>();
  const act = async (call: () => Promise<unknown>, done: string): Promise<void> => {
    setRefused(undefined);
    try {
      await call();
      say(done);
    } catch (error) {
      setRefused(error);
    }
  };
  return { act, refused };
}

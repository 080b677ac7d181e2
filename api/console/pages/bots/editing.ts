import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiFailure, get, patch, post } from '../../lib/api.ts';
import { useResource } from '../../lib/resource.ts';
import { botPath } from '../../lib/paths.ts';
import { say } from '../../ui/notes.tsx';
import { draftOf, keepDraft } from './drafts.ts';
import { applied, conflicts, edited, patchOf, rebased, same, type Edits } from './edits.ts';
import type { Form } from './form.tsx';
import { type Bot, type Desk, type DeskPlace, queryOf, type Settings, type Verified } from './types.ts';
import { plainMessage, t } from './words.ts';

const POLL_MS = 15_000;

export interface Problem {
  path: string;
  message: string;
}

export interface Editing extends Form {
  edits: Edits;
  problems: Problem[];
  /** Of the last save, when it is not the fault of a field. */
  failure: unknown;
  /** Fields that somebody else has changed meanwhile, dotted. */
  contested: string[];
  discard(): void;
}

/** One bot with its unsaved changes; undefined while it is read. */
export function useEditing(botId: string): { form: Editing | undefined; error: unknown; reload(): void } {
  const address = botPath(botId);
  const desks = useResource<{ desks: Desk[] }>('/v1/desks');
  const read = useResource<Bot>(address, POLL_MS);
  const [bot, setBot] = useState<Bot>();
  const [problems, setProblems] = useState<Problem[]>([]);
  const [failure, setFailure] = useState<unknown>();
  const [contested, setContested] = useState<string[]>([]);
  const [saving, setSaving] = useState(false);
  const [verifying, setVerifying] = useState<ByPlace<true>>({});
  const [verified, setVerified] = useState<ByPlace<Verified>>({});
  const newest = useRef<Bot>(undefined);

  /** An answer that was under way during a save may be older than what the save gave back. */
  function take(next: Bot): string[] {
    if (newest.current && next.updatedAt < newest.current.updatedAt) return [];
    newest.current = next;
    setBot(next);
    const found = conflicts(draftOf(botId), next.settings);
    keepDraft(botId, rebased(draftOf(botId), next.settings));
    if (found.length > 0) setContested(found);
    return found;
  }
  useEffect(() => {
    if (read.data) take(read.data);
  }, [read.data]);

  const reload = async (): Promise<void> => void take(await get<Bot>(address));

  async function verify(place: DeskPlace): Promise<void> {
    setVerifying((all) => ({ ...all, [place]: true }));
    setVerified((all) => without(all, place));
    try {
      const result = await post<Verified>(`${address}/verify${queryOf(place)}`);
      setVerified((all) => ({ ...all, [place]: result }));
      say(result.ok ? t('desk_answers') : t('desk_refuses'));
      await reload();
    } catch (error) {
      setFailure(error);
    } finally {
      setVerifying((all) => without(all, place));
    }
  }

  async function save(): Promise<boolean> {
    setFailure(undefined);
    setProblems([]);
    setSaving(true);
    try {
      if (take(await get<Bot>(address)).length > 0) return false;
      const sent = draftOf(botId);
      const saved = await patch<Bot>(address, patchOf(sent));
      keepDraft(botId, withoutSent(draftOf(botId), sent));
      take(saved);
      setContested([]);
      say(t('saved'));
      for (const place of PLACES) {
        if (saved.settings[place] && (sent[place] || sent['mode'])) void verify(place);
      }
      return true;
    } catch (error) {
      const details = error instanceof ApiFailure ? error.details : [];
      setProblems(details.map(({ path, message }) => ({ path, message: plainMessage(message) })));
      if (details.length === 0) setFailure(error);
      return false;
    } finally {
      setSaving(false);
    }
  }

  const error = read.error && !bot ? read.error : desks.error;
  const again = (): void => (desks.error ? desks.reload() : read.reload());
  if (!bot || bot.id !== botId || !desks.data) return { form: undefined, error, reload: again };
  const edits = draftOf(botId);
  const settings = applied(bot.settings, edits);
  const form: Editing = {
    bot,
    settings,
    desks: desks.data.desks,
    edits,
    problems,
    failure,
    contested: contested.filter((path) => path.split('.', 1)[0]! in edits),
    saving,
    save,
    verify,
    isVerifying: (place) => verifying[place] === true,
    verified: (place) => verified[place],
    reload,
    dirty: Object.keys(edits).length > 0,
    isChanged: (field) => field in edits,
    error: (path) => problems.find((problem) => problem.path === path)?.message ?? blamed(verified, path),
    set(field, value) {
      const before = applied(bot.settings, draftOf(botId))[field];
      keepDraft(botId, edited(draftOf(botId), field, bot.settings[field], value));
      setProblems((all) => all.filter(({ path }) => !isTouched(path, field, before, value)));
      if (field === 'mode') setVerified({});
      if (field === 'desk' || field === 'secondDesk') setVerified((all) => without(all, field));
    },
    discard() {
      keepDraft(botId, {});
      setProblems([]);
      setContested([]);
      setFailure(undefined);
    },
  };
  return { form, error: undefined, reload: again };
}

/** What was typed while the save was under way stays. */
function withoutSent(edits: Edits, sent: Edits): Edits {
  return Object.fromEntries(
    Object.entries(edits).filter(([field, { value }]) => !(field in sent) || !same(value, sent[field]!.value)),
  );
}

function blamed(verified: ByPlace<Verified>, path: string): string | undefined {
  for (const place of PLACES) {
    const { ok, field, detail } = verified[place] ?? {};
    if (ok === false && field !== undefined && path === `${place}.${field}`) return detail;
  }
  return undefined;
}

type ByPlace<T> = Partial<Record<DeskPlace, T>>;

const PLACES = ['desk', 'secondDesk'] as const;

function without<T>(all: ByPlace<T>, place: DeskPlace): ByPlace<T> {
  const { [place]: _, ...others } = all;
  return others;
}

/** Whether the error at `path` was about what has just been changed; one at `desk.url` stays while `desk.name` is typed. */
function isTouched(path: string, field: keyof Settings, before: unknown, after: unknown): boolean {
  const [first, second] = path.split('.');
  if (first !== field) return false;
  if (second === undefined || typeof before !== 'object' || typeof after !== 'object') return true;
  return !same((before as never)?.[second], (after as never)?.[second]);
}

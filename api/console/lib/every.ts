/** Does something now and `ms` after each end of it, while the page is looked at, until the returned function is called. */
export function every(ms: number, work: () => Promise<unknown>): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stopped = false;
  async function loop(): Promise<void> {
    if (!document.hidden) await work();
    if (!stopped) timer = setTimeout(() => void loop(), ms);
  }
  void loop();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

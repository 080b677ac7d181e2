/** Elements without an end. */
const VOID = new Set('area base br col embed hr img input link meta param source track wbr'.split(' '));
/** Elements whose next one ends them. */
const FOLLOWING = new Set('p li dt dd option tr td th'.split(' '));
/** Each of them moves every line in it to the right, so a text grows with their depth. */
const LISTS = new Set(['ul', 'ol']);
const DEEPEST_LIST = 10;

/**
 * The same HTML without the tags of elements that lie more than `deepest` deep, and of lists in more than ten lists; their
 * texts stay. The time that a parser of HTML needs grows with the square of the depth: 200 KB of opening tags would keep it
 * busy for seconds. This is one pass, in time that grows with the length. It takes for a tag whatever a parser might.
 */
export function shallowHtml(html: string, deepest: number): string {
  const kept: string[] = [];
  const open: string[] = [];
  let from = 0;
  for (let at = html.indexOf('<'); at >= 0;) {
    const end = endOf(html, at);
    const tag = tagOf(html, at, end);
    if (tag !== undefined && !isTaken(open, tag, deepest)) {
      kept.push(html.slice(from, at));
      from = end;
    }
    at = html.indexOf('<', end);
  }
  return from === 0 ? html : kept.join('') + html.slice(from);
}

interface Tag {
  name: string;
  closes: boolean;
}

/** Behind the tag or comment that begins at `at`. */
function endOf(html: string, at: number): number {
  const sign = html.startsWith('<!--', at) ? '-->' : '>';
  const end = html.indexOf(sign, at + 2);
  return end < 0 ? html.length : end + sign.length;
}

/** Names of elements are short; `undefined`: no tag of an element. */
function tagOf(html: string, at: number, end: number): Tag | undefined {
  const [, slash, name] = /^<(\/?)([a-z][^\s/>]{0,30})/i.exec(html.slice(at, Math.min(end, at + 40))) ?? [];
  return name === undefined ? undefined : { name: name.toLowerCase(), closes: slash === '/' };
}

/** Whether the tag stays; `open` goes along with it. */
function isTaken(open: string[], { name, closes }: Tag, deepest: number): boolean {
  if (closes) {
    const at = open.lastIndexOf(name);
    if (at >= 0) open.length = at;
    return true;
  }
  if (VOID.has(name) || (FOLLOWING.has(name) && open.at(-1) === name)) return true;
  const isTooDeep = LISTS.has(name) && open.filter((one) => LISTS.has(one)).length >= DEEPEST_LIST;
  if (isTooDeep || open.length >= deepest) return false;
  open.push(name);
  return true;
}

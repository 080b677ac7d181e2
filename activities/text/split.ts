/**
 * A text in pieces of at most `maxBytes` UTF-8 bytes, cut behind a line or a word where one ends in the second half of the
 * piece, and never inside a code point. Together the pieces are the text, to the byte. An empty text has no pieces; a code
 * point that is longer than `maxBytes` is a piece of its own.
 */
export function splitText(text: string, maxBytes: number): string[] {
  const pieces: string[] = [];
  let start = 0;
  while (start < text.length) {
    const end = fittingEnd(text, start, maxBytes);
    const cut = end === text.length ? end : niceCut(text, start, end);
    pieces.push(text.slice(start, cut));
    start = cut;
  }
  return pieces;
}

/** The furthest end of a piece that begins at `start`; at least one code point further. */
function fittingEnd(text: string, start: number, maxBytes: number): number {
  let bytes = 0;
  let end = start;
  while (end < text.length) {
    const code = text.codePointAt(end) ?? 0;
    bytes += utf8Bytes(code);
    if (bytes > maxBytes && end > start) break;
    end += code > 0xffff ? 2 : 1;
  }
  return end;
}

function niceCut(text: string, start: number, end: number): number {
  const half = start + Math.floor((end - start) / 2);
  // Only in this piece: a look at the whole text for each piece takes the square of its length.
  const line = text.slice(half, end).lastIndexOf('\n');
  if (line >= 0) return half + line + 1;
  for (let at = end - 1; at >= half; at--) {
    if (/\s/.test(text.charAt(at))) return at + 1;
  }
  return end;
}

function utf8Bytes(code: number): number {
  if (code < 0x80) return 1;
  if (code < 0x800) return 2;
  return code < 0x10000 ? 3 : 4;
}

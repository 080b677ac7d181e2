import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitText } from '../../activities/text/split.ts';
import { growth } from '../support/growth.ts';

describe('a long text in pieces', () => {
  it('loses nothing, exceeds nothing and cuts no code point, whatever the text is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), fc.integer({ min: 4, max: 60 }), (text, max) => {
        const pieces = splitText(text, max);
        expect(pieces.join('')).toBe(text);
        for (const piece of pieces) {
          expect(piece).not.toBe('');
          expect(Buffer.byteLength(piece, 'utf8')).toBeLessThanOrEqual(max);
          expect(Buffer.from(piece, 'utf8').toString('utf8')).toBe(piece);
        }
      }),
    );
  });

  it('leaves a text alone that fits, and has no pieces of nothing', () => {
    expect(splitText('été', 5)).toEqual(['été']);
    expect(splitText('', 5)).toEqual([]);
  });

  it('counts bytes, not characters', () => {
    expect(splitText('éé', 3)).toEqual(['é', 'é']);
    expect(splitText('😀😀', 7)).toEqual(['😀', '😀']);
  });

  it('cuts behind a line, else behind a word, else where it must', () => {
    expect(splitText('one two\nthree four', 12)).toEqual(['one two\n', 'three four']);
    expect(splitText('one two three', 9)).toEqual(['one two ', 'three']);
    expect(splitText('aaaaaaaaaa', 4)).toEqual(['aaaa', 'aaaa', 'aa']);
    expect(splitText('a bbbbbbbbbbbb', 8)).toEqual(['a bbbbbb', 'bbbbbb']);
  });

  it('gives a code point its own piece when it is longer than a piece may be', () => {
    expect(splitText('a😀b', 1)).toEqual(['a', '😀', 'b']);
  });

  it('takes time that grows with the text, not with its square', () => {
    for (const unit of ['a', 'é\n']) {
      expect(
        growth(unit, 200_000, (text) => splitText(text, 300)),
        JSON.stringify(unit),
      ).toBe('linear');
    }
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { escapeHtml, htmlToText } from '../../activities/text/html.ts';
import { growth } from '../support/growth.ts';
import { testSeed } from '../support/seed.ts';

const text = (html: string): string => htmlToText(html).text;

describe('HTML as text', () => {
  it('keeps paragraphs and line breaks apart', () => {
    expect(text('<p>One</p><p>Two<br>Three</p>')).toBe('One\nTwo\nThree');
    expect(text('<div>One</div><div>Two</div>')).toBe('One\nTwo');
  });

  it('shows lists with dashes and numbers', () => {
    expect(text('<p>Do:</p><ul><li>this</li><li>that</li></ul>')).toBe('Do:\n- this\n- that');
    expect(text('<ol><li>first</li><li>second</li></ol>')).toMatch(/^1\. first\n\s*2\. second$/);
  });

  it('shows where a link leads, once', () => {
    expect(text('<p>See <a href="https://x.example/a?b=1&amp;c=2">the page</a>.</p>')).toBe(
      'See the page (https://x.example/a?b=1&c=2).',
    );
    expect(text('<a href="https://x.example">https://x.example</a>')).toBe('https://x.example');
    expect(text('<a href="mailto:a@x.example">a@x.example</a>')).toBe('a@x.example');
  });

  it('shows no address that is none for a reader', () => {
    expect(text('<a href="javascript:alert(1)">click</a> <a href="#top">up</a>')).toBe('click up');
  });

  it('decodes entities once', () => {
    expect(text('<p>a &lt; b &amp;amp; c&nbsp;d &eacute; &#128512;</p>')).toBe('a < b &amp; c d é 😀');
  });

  it('takes pictures out, in order, with web addresses only', () => {
    const html =
      '<p>Look</p><img src="https://x.example/1.png"><p><a href="https://x.example/2.png"><img src="https://x.example/2.png"></a></p><img src="data:image/png;base64,AA">';
    const found = htmlToText(html);
    expect(found.images).toEqual(['https://x.example/1.png', 'https://x.example/2.png']);
    expect(found.text.startsWith('Look')).toBe(true);
    expect(found.text).not.toContain('data:');
  });

  it('leaves out what nobody reads', () => {
    expect(text('<style>p{}</style><p>Hi</p><script>alert(1)</script><!-- no -->')).toBe('Hi');
    expect(text('')).toBe('');
  });

  it('does not shout headings, and does not wrap lines', () => {
    const long = 'word '.repeat(60).trim();
    expect(text(`<h1>Title</h1><p>${long}</p>`)).toBe(`Title\n\n${long}`);
  });

  it('gives an escaped text back as it was, and never throws', () => {
    fc.assert(
      fc.property(fc.string(), (any) => {
        htmlToText(any);
        const words = any.replaceAll(/\s+/g, ' ').trim();
        expect(
          text(`<p>${escapeHtml(words)}</p>`)
            .replaceAll(/\s+/g, ' ')
            .trim(),
        ).toBe(words);
      }),
    );
  });

  it('survives hostile nesting', () => {
    expect(typeof text('<div>'.repeat(20_000))).toBe('string');
  });

  it.each(['<div>', '<ol><li>', '<table><tr><td>', '<a ', '<', '<!--', '<script>'])(
    'takes time that grows with the text, not with its square, for %s again and again',
    (unit) => expect(growth(unit, 40_000, htmlToText)).toBe('linear'),
  );

  it('keeps the words of what is nested too deep, and does not move them to the right without an end', () => {
    const deep = text('<ul><li>x'.repeat(2_000));
    expect(deep.match(/x/g)).toHaveLength(2_000);
    expect(deep.length).toBeLessThan(200_000);
    expect(text(`${'<div>'.repeat(5_000)}words`)).toBe('words');
  });

  it('reads a long page as it reads a short one', () => {
    const piece = '<table><tr><td><p>One</p><ul><li>two</li></ul></td></tr></table><!-- <b> --><p>3<br>4 < 5<p>six</p>';
    const many = Array.from({ length: 200 }, () => text(piece));
    expect(text(piece.repeat(200)).replaceAll(/\s+/g, ' ')).toBe(many.join(' ').replaceAll(/\s+/g, ' '));
  });

  it('never throws and gives web addresses only, whatever tags come in whatever order', () => {
    const bits =
      '<p>|</p>|<a href="javascript:x">|</a>|<img src=//x>|<img src="https://x.example/1">|<ol start=1e9>'.split('|');
    const more =
      '<li>|</ol>|<ul>|</ul>|<table>|</td>|<!--|-->|<![CDATA[|]]>|&#0;|&#xd800;|&|;|\u0000|\ud800|\n| |x'.split('|');
    const html = fc.array(fc.oneof(fc.constantFrom(...bits, ...more), fc.string()), { maxLength: 60 });
    fc.assert(
      fc.property(html, fc.constantFrom(1, 2_000), (parts, times) => {
        const { text: shown, images } = htmlToText(parts.join('').repeat(Math.min(times, 40_000 / (parts.length + 1))));
        expect(typeof shown).toBe('string');
        for (const image of images) expect(image).toMatch(/^https?:/);
      }),
      { seed: testSeed('html'), numRuns: 30 },
    );
  });
});

const ENTITIES: Record<string, string> = { lt: '<', gt: '>', quot: '"', '#39': "'", apos: "'", nbsp: ' ', amp: '&' };

export const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** As Intercom's `display_as=plaintext`: links as `label (url)`. Good enough for the HTML that goes through a sandbox. */
export const plainOf = (html: string): string =>
  html
    .replaceAll(/>\s*\n\s*</g, '><')
    .replaceAll(/\r?\n/g, ' ')
    .replaceAll(/<a\s[^>]*href="([^"]*)"[^>]*>(.*?)<\/a>/gi, (_, href: string, label: string) =>
      label === href ? href : `${label} (${href})`,
    )
    .replaceAll(/<br\s*\/?>|<\/li>/gi, '\n')
    .replaceAll(/<\/(p|div|h\d|ul|ol|blockquote|pre)>/gi, '\n\n')
    .replaceAll(/<li[^>]*>/gi, '- ')
    .replaceAll(/<[^>]*>/g, '')
    .replaceAll(/&(lt|gt|quot|#39|apos|nbsp|amp);/g, (_, name: string) => ENTITIES[name] ?? '')
    .replace(/\n+$/, '');

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const PAGES = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'], {
  encoding: 'utf8',
})
  .split('\n')
  .filter((path) => path !== '' && existsSync(path));

test.each(PAGES)('each relative link of %s leads to a file, and to a heading in it', (page) => {
  // Inline links, images, and `src` and `href`. Code is no link, whatever it looks like.
  const text = withoutBlocks(page).replace(/`[^`\n]*`/g, '');
  const links = [...text.matchAll(/\]\(<?([^)\s>]+)>?[^)]*\)|\b(?:src|href|srcset)="([^"]+)"/g)]
    .map(([, inline, html]) => inline ?? html ?? '')
    .filter((one) => !/^[a-z]+:/i.test(one));

  const broken = links.filter((link) => {
    const [path = '', anchor] = link.split('#');
    const target = path === '' ? page : join(dirname(page), decodeURIComponent(path));
    return !existsSync(target) || (anchor !== undefined && !anchorsOf(target).includes(anchor));
  });

  expect(broken).toEqual([]);
});

/** The anchors that GitHub gives the headings. A repeated heading is no target: its anchor has a number. */
function anchorsOf(page: string): string[] {
  return [...withoutBlocks(page).matchAll(/^#{1,6} +(.+?) *$/gm)].map(([, heading = '']) =>
    heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-'),
  );
}

function withoutBlocks(page: string): string {
  return readFileSync(page, 'utf8').replace(/^```[\s\S]*?^```$/gm, '');
}

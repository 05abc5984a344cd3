import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

const PAGES = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'], {
  encoding: 'utf8',
})
  .split('\n')
  .filter((path) => path !== '' && existsSync(path));

test.each(PAGES)('each relative link of %s leads to a file, and to a heading in it', (page) => {
  const links = relativeLinks(readFileSync(page, 'utf8'));

  const broken = links.filter((link) => !resolves(page, link));

  expect(broken).toEqual([]);
});

test('a heading’s anchor is the one that GitHub gives it', () => {
  const anchors = anchorsOf(
    '## What `doctor` says, and why\n\n```sh\n# no heading\n```\n\n## Twice\n\n## Twice\n',
  );

  expect([...anchors]).toEqual(['what-doctor-says-and-why', 'twice', 'twice-1']);
});

/** Targets of inline links, of images, and of `src` and `href`: without web addresses. */
function relativeLinks(markdown: string): string[] {
  const text = withoutCode(markdown);
  const targets = [...text.matchAll(/\]\(<?([^)\s>]+)>?[^)]*\)|\b(?:src|href|srcset)="([^"]+)"/g)];
  return targets.map(([, inline, html]) => inline ?? html ?? '').filter((one) => !/^[a-z]+:/i.test(one));
}

function resolves(page: string, link: string): boolean {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? page : normalize(join(dirname(page), decodeURIComponent(path)));
  if (!existsSync(target)) return false;
  return anchor === undefined || anchorsOf(readFileSync(target, 'utf8')).has(anchor);
}

/** A repeated heading gets a number. */
function anchorsOf(markdown: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of markdown
    .replace(/^```[\s\S]*?^```$/gm, '')
    .matchAll(/^#{1,6} +(.+?) *$/gm)) {
    const words = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const anchor = words.replace(/[^\p{L}\p{N}\s_-]/gu, '').replace(/\s/g, '-');
    let unique = anchor;
    for (let count = 1; anchors.has(unique); count += 1) unique = `${anchor}-${count}`;
    anchors.add(unique);
  }
  return anchors;
}

/** Code is no link, whatever it looks like. */
function withoutCode(markdown: string): string {
  return markdown.replace(/^```[\s\S]*?^```$/gm, '').replace(/`[^`\n]*`/g, '');
}

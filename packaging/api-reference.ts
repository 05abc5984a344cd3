import { readFileSync } from 'node:fs';

/** A node of API Extractor's description: the fields that are used here. */
interface ApiItem {
  readonly kind: string;
  readonly name?: string;
  readonly docComment?: string;
  readonly excerptTokens?: readonly { readonly text: string }[];
  readonly propertyTypeTokenRange?: { readonly startIndex: number; readonly endIndex: number };
  readonly isOptional?: boolean;
  readonly members?: readonly ApiItem[];
}

const HEAD = `# API reference

What \`import … from 'token-refresher'\` gives. Generated from the docstrings by \`npm run update\`; a test fails where this page is
not what the sources say.
`;

/** Writes the reference of the package's API as Markdown, from what API Extractor wrote to \`apiJsonFile\`. */
export function apiReference(apiJsonFile: string): string {
  const description = JSON.parse(readFileSync(apiJsonFile, 'utf8')) as ApiItem;
  const items = description.members?.flatMap(({ members = [] }) => members) ?? [];
  // The construct first, then its props, then the rest by name.
  const rank = ({ name = '' }: ApiItem) => ['TokenRefresherProps', 'TokenRefresher'].indexOf(name);
  return [HEAD, ...items.toSorted((a, b) => rank(b) - rank(a)).map(section)].join('\n');
}

function section(item: ApiItem): string {
  const { text, remarks } = documentation(item);
  const members = item.members?.filter(({ kind }) => kind !== 'Constructor') ?? [];
  const paragraphs = [`## ${item.name}`, text, ...remarks];
  if (members.length > 0) paragraphs.push(table(members));
  // The types behind an alias are the package's own; the documentation names the values.
  else if (item.kind !== 'TypeAlias') paragraphs.push(`\`\`\`ts\n${typeOf(item)}\n\`\`\``);
  return `${paragraphs.filter((paragraph) => paragraph !== '').join('\n\n')}\n`;
}

function table(members: readonly ApiItem[]): string {
  const rows = members.map((member) => {
    const { text, standard, remarks } = documentation(member);
    const required = member.isOptional ? 'none' : 'required';
    return [
      `\`${member.name}\``,
      `\`${typeOf(member)}\``,
      [text, ...remarks].join(' '),
      standard ?? required,
    ];
  });
  const hasDefaults = members.some((member) => documentation(member).standard !== undefined);
  const head = ['name', 'type', 'what it is', 'default'];
  return [head, head.map(() => '---'), ...rows]
    .map((cells) => cells.slice(0, hasDefaults ? 4 : 3))
    .map(
      (cells) => `| ${cells.map((cell) => cell.replace(/\n+/g, ' ').replaceAll('|', '\\|')).join(' | ')} |`,
    )
    .join('\n');
}

/** A property's type, or the signature of anything else. */
function typeOf({ excerptTokens = [], propertyTypeTokenRange: range }: ApiItem): string {
  const textOf = (from?: number, to?: number) =>
    excerptTokens
      .slice(from, to)
      .map(({ text }) => text)
      .join('');
  return (textOf(range?.startIndex, range?.endIndex) || textOf()).replace(/;$/, '');
}

/** What a docstring says: its text, its default, and where to read more or what it throws. */
function documentation({ docComment = '' }: ApiItem) {
  const [text = '', ...tags] = docComment
    .replace(/^\/\*\*|\*\/\s*$/g, '')
    .replace(/^\s*\* ?/gm, '')
    .replace(/\{@link ([^}|]+)(?:\|[^}]*)?\}/g, '`$1`')
    .split(/\n?@(?=default|see|throws|returns|param)/);
  const tagged = (name: string) =>
    tags.filter((tag) => tag.startsWith(name)).map((tag) => unfolded(tag.slice(name.length)));
  return {
    text: unfolded(text),
    standard: tagged('default')[0]?.replace(/^- /, ''),
    remarks: [
      ...tagged('throws').map((errors) => `Throws ${errors}`),
      ...tagged('see').map((page) => `See ${page}.`),
    ],
  };
}

/** Joins the lines of each paragraph. */
function unfolded(text: string): string {
  const paragraphs = text.split(/\n\s*\n/).map((paragraph) => paragraph.trim().replace(/\s*\n\s*/g, ' '));
  return paragraphs.filter(Boolean).join('\n\n');
}

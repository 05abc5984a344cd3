import { readFileSync } from 'node:fs';

/** A node of API Extractor's description: the fields that are used here. */
interface ApiItem {
  readonly kind: string;
  readonly name?: string;
  readonly docComment?: string;
  readonly excerptTokens?: readonly { readonly text: string }[];
  readonly propertyTypeTokenRange?: TokenRange;
  readonly isOptional?: boolean;
  readonly members?: readonly ApiItem[];
}

interface TokenRange {
  readonly startIndex: number;
  readonly endIndex: number;
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
  const first = ['TokenRefresher', 'TokenRefresherProps'];
  const rank = ({ name = '' }: ApiItem) => (first.includes(name) ? first.indexOf(name) : first.length);
  const sections = items.toSorted((a, b) => rank(a) - rank(b)).map(section);
  return [HEAD, ...sections].join('\n');
}

function section(item: ApiItem): string {
  const { text, remarks } = documentation(item);
  const members = item.members?.filter(({ kind }) => kind !== 'Constructor') ?? [];
  const paragraphs = [`## ${item.name}`, text, ...remarks];
  // The types behind an alias are the package's own; the documentation names the values.
  if (members.length === 0 && item.kind !== 'TypeAlias') {
    paragraphs.push(`\`\`\`ts\n${signature(item)}\n\`\`\``);
  }
  if (members.length > 0) paragraphs.push(table(members));
  return `${paragraphs.filter((paragraph) => paragraph !== '').join('\n\n')}\n`;
}

function table(members: readonly ApiItem[]): string {
  const hasDefaults = members.some((member) => documentation(member).defaultValue !== undefined);
  const rows = members.map((member) => {
    const { text, defaultValue, remarks } = documentation(member);
    const standard = defaultValue ?? (member.isOptional ? 'none' : 'required');
    return [
      `\`${member.name}\``,
      `\`${typeOf(member)}\``,
      [text, ...remarks].join(' '),
      ...(hasDefaults ? [standard] : []),
    ];
  });
  const head = ['name', 'type', 'what it is', ...(hasDefaults ? ['default'] : [])];
  return [head, head.map(() => '---'), ...rows]
    .map(
      (cells) => `| ${cells.map((cell) => cell.replaceAll('\n', ' ').replaceAll('|', '\\|')).join(' | ')} |`,
    )
    .join('\n');
}

function typeOf(member: ApiItem): string {
  const range = member.propertyTypeTokenRange;
  const type = range && textOf(member.excerptTokens?.slice(range.startIndex, range.endIndex));
  return type || signature(member);
}

function signature(item: ApiItem): string {
  return textOf(item.excerptTokens).replace(/;$/, '');
}

function textOf(tokens: ApiItem['excerptTokens'] = []): string {
  return tokens.map(({ text }) => text).join('');
}

/** What a docstring says: its text, its default, and where to read more or what it throws. */
function documentation({ docComment = '' }: ApiItem) {
  const plain = docComment
    .replace(/^\/\*\*|\*\/\s*$/g, '')
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, ''))
    .join('\n')
    .replace(/\{@link ([^}|]+)(?:\|[^}]*)?\}/g, '`$1`');
  const [text = '', ...tags] = plain.split(/\n?@(?=default|see|throws|returns|param)/);
  const tag = (name: string): string[] =>
    tags.filter((one) => one.startsWith(name)).map((one) => joined(one.slice(name.length)));
  return {
    text: joined(text, '\n\n'),
    defaultValue: tag('default')
      .map((value) => value.replace(/^- /, ''))
      .at(0),
    remarks: [
      ...tag('throws').map((what) => `Throws ${what}`),
      ...tag('see').map((where) => `See ${where}.`),
    ],
  };
}

/** Joins the lines of each paragraph. */
function joined(text: string, between = ' '): string {
  const paragraphs = text.split(/\n\s*\n/).map((paragraph) => paragraph.trim().replace(/\s*\n\s*/g, ' '));
  return paragraphs.filter((paragraph) => paragraph !== '').join(between);
}

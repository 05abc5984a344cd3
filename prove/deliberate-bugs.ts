import { type Edit, makeEditedCopy } from './edited-copy.ts';

/** Each bug is put into a copy of the tree. The explorer must find it, and print the schedule that shows it. */
const BUGS: readonly (Edit & { readonly bug: string })[] = [
  {
    bug: 'an instance forgets that its mint has failed',
    file: 'lambda/refresh/refresh.ts',
    from: '  memory.lastFailure = failure;\n',
    to: '',
  },
  {
    bug: 'a write over another invocation’s token is not checked',
    file: 'lambda/refresh/two-mints-at-once.ts',
    from: 'if (token.version <= first) return token;',
    to: 'if (token.version > 0) return token;',
  },
  {
    bug: 'of two mints at once the earlier one stays',
    file: 'lambda/refresh/two-mints-at-once.ts',
    from: 'described.issuedAt > token.issuedAt',
    to: 'described.issuedAt < token.issuedAt',
  },
  {
    bug: 'a status of another version is no reason to mint',
    file: 'lambda/refresh/planner.ts',
    from: '  anotherVersion,\n',
    to: '',
  },
  {
    bug: 'another key is no reason to mint',
    file: 'lambda/refresh/planner.ts',
    from: '  anotherKey,\n',
    to: '',
  },
  {
    bug: 'a token gets into the log',
    file: 'lambda/refresh/store.ts',
    from: 'options.observations.warnings.push(...minted.warnings);',
    to: 'options.observations.warnings.push(minted.accessToken);',
  },
  {
    bug: 'a failure is stored although a later mint has succeeded',
    file: 'lambda/refresh/refresh.ts',
    from: 'if (!isOver)',
    to: 'if (isOver || !isOver)',
  },
  {
    bug: 'a failure is stored with the description that was read before the mint',
    file: 'lambda/refresh/refresh.ts',
    from: 'const token = describedToken(stored);\n    const isOver',
    to: 'const token = stored.status?.token ?? null;\n    const isOver',
  },
];

const copy = makeEditedCopy();
let missed = 0;
try {
  for (const { bug, ...edit } of BUGS) {
    const { failed, output } = copy.run(edit, [
      process.execPath,
      'test/lambda/refresh/explorer/main.ts',
      '--quick',
      '--stop-at-first',
    ]);
    const found = failed && output.includes('again: --replay');
    if (!found) missed += 1;
    console.log(`${found ? 'found' : 'MISSED'}: ${bug}`);
    console.log(output.split('\n').slice(1).join('\n'));
  }
} finally {
  copy.remove();
}
console.log(`${BUGS.length - missed} of ${BUGS.length} deliberate bugs found`);
process.exitCode = missed === 0 ? 0 : 1;

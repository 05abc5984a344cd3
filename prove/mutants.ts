import { type Edit, makeEditedCopy } from './edited-copy.ts';

/** The mutants of one file, and the suites that must kill them. Each edit is a text of the file and its replacement. */
interface Mutated {
  readonly file: string;
  readonly suites: readonly string[];
  readonly edits: readonly (readonly [from: string, to: string])[];
}

const MUTATED: readonly Mutated[] = [
  {
    file: 'lambda/refresh/planner.ts',
    suites: ['test/lambda/refresh/planner.test.ts', 'test/lambda/refresh/refresh.test.ts'],
    edits: [
      ['[forced, secretChanged]', '[secretChanged]'],
      ['[forced, secretChanged]', '[forced]'],
      ['  refusedByProvider,\n', ''],
      ['  noToken,\n', ''],
      ['  unreadableStatus,\n', ''],
      ['  anotherVersion,\n', ''],
      ['  fromFuture,\n', ''],
      ['  anotherSource,\n', ''],
      ['  anotherKey,\n', ''],
      ['  old,\n', ''],
      ['  anotherSecretStage,\n', ''],
      ['  tooShortForJob,\n', ''],
      ['if (isBackingOff(situation))', 'if (!isBackingOff(situation))'],
      ['now.getTime() + FUTURE_TOLERANCE_MS', 'now.getTime() - FUTURE_TOLERANCE_MS'],
      ['source !== undefined && source !== policy.source', 'source !== policy.source'],
      ['encryptionKey === undefined || encryptionKey', 'encryptionKey'],
      ['ageMs >= dueAgeMs', 'ageMs > dueAgeMs'],
      ['>= ROTATION_MS', '> ROTATION_MS'],
      ['const ROTATION_MS = 15 * BEAT_MS', 'const ROTATION_MS = 16 * BEAT_MS'],
      ['!isFutile && wantsMore', 'wantsMore'],
      ['< BEAT_MS;\n  return !isFutile', '<= BEAT_MS;\n  return !isFutile'],
      ['stored.statusPrecedesToken !== true', 'true'],
      ['token?.version === stored.tokenVersion &&', ''],
      ['minRemainingMs <= wholeMs', 'minRemainingMs > wholeMs'],
      ['? minRemainingMs : wholeMs - ', '? minRemainingMs : wholeMs + '],
      ['< wantedMs', '> wantedMs'],
      ['waitMs > 0 && ', ''],
      ['waitMs <= MAX_WAIT_MS', 'waitMs >= MAX_WAIT_MS'],
      ['const MAX_WAIT_MS = 60 * 60_000', 'const MAX_WAIT_MS = 6 * 60_000'],
      ['const MAX_BACKOFF_MS = 5 * BEAT_MS', 'const MAX_BACKOFF_MS = 6 * BEAT_MS'],
      ["  'TOKEN_REJECTED',\n", ''],
      ["  'SECRET_MALFORMED',\n", ''],
      ["  'TOKEN_UNUSABLE',\n", ''],
      ["  'TOKEN_TOO_LARGE',\n", ''],
      ["  'TOKEN_RESPONSE_INVALID',\n", ''],
      ["  'CONFIG_INVALID',\n", ''],
      ['options.consecutive - 1)', 'options.consecutive)'],
      ['backoffMs - BEAT_MS / 2', 'backoffMs'],
      ['Math.min(options.retryAfterMs ?? 0, MAX_WAIT_MS)', '(options.retryAfterMs ?? 0)'],
    ],
  },
  {
    file: 'lambda/refresh/status.ts',
    suites: ['test/lambda/refresh/status.test.ts', 'test/lambda/refresh/refresh.test.ts'],
    edits: [
      ['document.schemaVersion !== 1', 'false'],
      ["typeof document.provider !== 'string'", 'false'],
      ['version < 1', 'version < 0'],
      ['!Number.isInteger(version)', 'false'],
      ['/^[0-9a-f]{12}$/', '/./'],
      ['issuedAt < refreshDueAt && ', ''],
      ['refreshDueAt <= claimedExpiry', 'true'],
      ['claimedExpiry < latest ? claimedExpiry : latest', 'claimedExpiry'],
      ['/^[0-9a-f]{16}$/', '/./'],
      ['{1,2048}$/', '{1,2048}/'],
      ['!SECRET_STAGES.includes(secretStage)', 'false'],
      ['seconds >= 0', 'true'],
      ['Number.isSafeInteger(seconds) && ', ''],
      ["secretStage !== 'AWSCURRENT'\n", 'true\n'],
      ['seconds && seconds * 1000', 'seconds'],
      ['Math.floor(jobGuaranteeMs / 1000)', 'jobGuaranteeMs'],
      ['Math.floor(date.getTime() / 1000)', 'Math.ceil(date.getTime() / 1000)'],
      ['Number.isSafeInteger(consecutive)', 'true'],
      ['consecutive >= 1', 'true'],
      ['since < issuedAt ? since : issuedAt', 'since > issuedAt ? since : issuedAt'],
      [
        'earliest(parseDate(document.secretStageSince), issuedAt)',
        'parseDate(document.secretStageSince) ?? issuedAt',
      ],
      ["typeof code !== 'string'", 'false'],
      ['if (!at || !retryAt ||', 'if ('],
      ['Number.isNaN(date.getTime()) ? undefined : date;\n}', 'date;\n}'],
    ],
  },
  {
    file: 'lambda/refresh/clock.ts',
    suites: ['test/lambda/refresh/clock.test.ts'],
    edits: [
      ['CLOCK_TOLERANCE_MS = 5_000', 'CLOCK_TOLERANCE_MS = 3_000'],
      ['CLOCK_TOLERANCE_MS = 5_000', 'CLOCK_TOLERANCE_MS = 8_000'],
      ['awsTime.getTime() + 500', 'awsTime.getTime()'],
      ['Math.abs(differenceMs)', 'differenceMs'],
      ['systemMs + correctionMs', 'systemMs'],
      ['systemMs + correctionMs', 'systemMs - correctionMs'],
      ['elapsedMs() - compared.elapsedMs', '0'],
      ['awsTime === undefined ? 0 :', 'awsTime === undefined ? Number.NaN :'],
    ],
  },
  {
    file: 'lambda/refresh/store.ts',
    suites: ['test/lambda/refresh/refresh.test.ts', 'test/lambda/refresh/never-worse.test.ts'],
    edits: [
      ['current?.fingerprint === fingerprint &&', ''],
      ['hasKey(current, policy) &&', ''],
      ['  await prove(options, minted, fingerprint);\n', ''],
      ['memory.sameTokenAt = clock.now();', ''],
      ["if (probed === 'refused') {", "if (probed === 'unanswered') {"],
      ['source: policy.source,', ''],
      ['fallbackSince: before ?? issuedAt', 'fallbackSince: issuedAt'],
      ['    encryptionKey: policy.encryptionKey,\n', ''],
      ['    onStored?.(claimed);\n', ''],
      ['issuedAt: earlier(', 'issuedAt: ((_: Date, minted: Date) => minted)('],
      ['expiresAt: earlier(', 'expiresAt: ((_: Date, minted: Date) => minted)('],
      ['if (isNews)', 'if (!isNews)'],
      ['if (isNews)', ''],
      ['.slice(0, 12)', '.slice(0, 11)'],
      ['options.observations.warnings.push(...minted.warnings);', ''],
    ],
  },
  {
    file: 'lambda/refresh/two-mints-at-once.ts',
    suites: ['test/lambda/refresh/two-mints-at-once.test.ts', 'test/lambda/refresh/refresh.test.ts'],
    edits: [
      ['token.version <= first', 'token.version > 0'],
      ['tokenVersion !== token.version || ', ''],
      ['described.issuedAt > token.issuedAt', 'described.issuedAt < token.issuedAt'],
      ['fingerprint !== described.fingerprint', 'false'],
      ['version === token.version + 1 ?', 'version > 0 ?'],
      ['token.version - first > MOST_VERSIONS', 'token.version - first >= MOST_VERSIONS'],
      ['token.version - first > MOST_VERSIONS', 'false'],
      ['if (accessToken === null) return null;', ''],
      ['if (fingerprint === token.fingerprint) continue;', ''],
      ['version !== described?.version || ', ''],
      ['described.issuedAt > token.issuedAt', 'described.issuedAt >= token.issuedAt'],
    ],
  },
  {
    file: 'lambda/mint/token-response.ts',
    suites: ['test/lambda/mint/token-response.test.ts', 'test/lambda/mint/hostile-token-endpoint.test.ts'],
    edits: [
      ['response.status >= 200', 'response.status > 200'],
      ['response.status < 300', 'response.status < 500'],
      ['Boolean(json.error)', 'true'],
      ['!Array.isArray(json)', 'true'],
      ['if (isTruncated) return undefined;', ''],
      ["if (isTruncated) return 'is longer than 65,536 bytes';", ''],
      ["startsWith('<')", "startsWith('{')"],
      ['(bearer)?', '(bearer|mac)?'],
      ['if (!/^[\\x21-\\x7e]+$/', 'if (!/^[\\x20-\\x7e]+$/'],
      ['accessToken.length > MAX_TOKEN_BYTES', 'accessToken.length >= MAX_TOKEN_BYTES'],
      ['context.secrets.some(', '[].some('],
      ["accessToken.includes('{{')", 'false'],
      ['tokenType.trim()', 'tokenType'],
      ['expiresInSeconds * 1000', 'expiresInSeconds'],
      ['exp * 1000 <= issuedAtMs', 'false'],
      ['Math.min(...claimed)', 'Math.max(...claimed)'],
      ['lifetimeMs <= MAX_LIFETIME_MS', 'lifetimeMs < MAX_LIFETIME_MS'],
      ['lifetimeMs <= MAX_LIFETIME_MS', 'true'],
      ['Math.floor(Number(value))', 'Number(value)'],
      ['!(seconds > 0)', '!(seconds >= 0)'],
      ['parts.length !== 3', 'false'],
      ['Number.isFinite(exp) ? Math.floor(exp)', 'Number.isFinite(exp) ? exp'],
      ["scope.join(' ')", 'scope.join()'],
    ],
  },
  {
    file: 'lambda/mint/token-refusal.ts',
    suites: ['test/lambda/mint/token-response.test.ts'],
    edits: [
      ['status === 429 || ', ''],
      ["name === 'slow_down' || ", ''],
      ['|| isRateLimit(json)', ''],
      ['status >= 500 || ', ''],
      ['status === 408 || ', ''],
      ['status === 425 || ', ''],
      ["|| UNAVAILABLE.has(name ?? '')", ''],
      ['status >= 300 && status < 400', 'false'],
      ['status === 404 || ', ''],
      ['status === 405 || ', ''],
      ['|| status === 410', ''],
      ['    status === 401 || name', '    name'],
      [
        "name === 'invalid_client' || context.credentialErrors.includes(name ?? '')",
        "context.credentialErrors.includes(name ?? '')",
      ],
      [" || context.credentialErrors.includes(name ?? '');\n  const what", ';\n  const what'],
      ['new RefreshError(code, message, { retryAfterMs,', 'new RefreshError(code, message, {'],
      ['areCredentialsEncoded ? hints.encoded : undefined', 'undefined'],
      ['Object.hasOwn(ADVICE, error) || ', ''],
      ['/rate limit exceeded/i', '/rate limit exceeded/'],
    ],
  },
];

/** Equivalent mutants, which no test can kill, each with its reason: see docs/development/faults.md. */
const EQUIVALENT: ReadonlySet<string> = new Set([]);

/** A mutant that takes longer hangs. The slowest suite needs a tenth of this on a quiet machine. */
const TIME_LIMIT_MS = 300_000;

const TEST_TIME_LIMIT_MS = 60_000;

const only = process.argv[2] ?? '';
const mutated = MUTATED.filter(({ file }) => file.includes(only));
const copy = makeEditedCopy();
const survivors: string[] = [];
let killed = 0;
let equivalent = 0;
try {
  for (const { file, edits } of mutated) for (const [from, to] of edits) copy.check({ file, from, to });
  for (const suite of new Set(mutated.flatMap(({ suites }) => suites))) {
    if (isKilledBy(suite)) throw new Error(`${suite} fails without any mutant.`);
  }
  for (const { file, suites, edits } of mutated) {
    for (const [from, to] of edits) {
      const name = `${file}: ${JSON.stringify(from)} → ${JSON.stringify(to)}`;
      const killer = suites.find((suite) => isKilledBy(suite, { file, from, to }));
      if (killer !== undefined) killed += 1;
      else if (EQUIVALENT.has(name)) equivalent += 1;
      else survivors.push(name);
      console.log(`${killer === undefined ? 'SURVIVED' : 'killed'}: ${name}`);
    }
  }
} finally {
  copy.remove();
}
const all = killed + survivors.length;
const percent = Math.floor((killed * 100) / all);
for (const name of survivors) console.log(`survived: ${name}`);
console.log(`${killed} of ${all} mutants killed (${percent} %), ${equivalent} equivalent ones aside`);
process.exitCode = percent >= 95 ? 0 : 1;

/** Whether a test of the suite fails. A suite that does not even load, or hangs, has not told anything. */
function isKilledBy(suite: string, edit?: Edit): boolean {
  const jest = [
    `TEST_TIME_LIMIT_MS=${TEST_TIME_LIMIT_MS}`,
    process.execPath,
    'node_modules/jest/bin/jest.js',
  ];
  const { failed, hung, output } = copy.run(edit, ['env', ...jest, '--bail', '-i', suite], {
    timeoutMs: TIME_LIMIT_MS,
  });
  const hasFailedTest = /^Tests: +[1-9]\d* failed/m.test(output) || (hung && output.includes('✕'));
  if (failed && !hasFailedTest) console.log(`${suite} ${hung ? 'hung' : `did not run:\n${output}`}`);
  return hasFailedTest;
}

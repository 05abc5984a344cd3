import type { Edit } from './edited-copy.ts';

/** One threat, its guard, and the test that fails without the guard. */
export interface Threat {
  readonly asset: string;
  /** Who attacks, from where, and how. */
  readonly attack: string;
  readonly guard: string;
  /** Removes the guard. */
  readonly edit: Edit;
  /** The suite that then fails. */
  readonly test: string;
}

const edit = (file: string, from: string, to = ''): Edit => ({ file, from, to });

/** The threats of docs/threat-model.md, in its order. */
export const THREATS: readonly Threat[] = [
  {
    asset: 'client secret',
    attack: 'Somebody on the network between Lambda and the token endpoint reads a request sent without TLS',
    guard: 'Only https URLs are accepted, from the configuration and from discovery',
    edit: edit(
      'lambda/providers/endpoint-url.ts',
      "return 'is not https (plain http is for loopback addresses only)';",
      'return undefined;',
    ),
    test: 'test/lambda/mint/discovery.test.ts',
  },
  {
    asset: 'client secret',
    attack:
      'The token endpoint answers with the client secret as the access token, so that every reader gets it',
    guard: 'A token that contains a value of the secret is not stored',
    edit: edit(
      'lambda/mint/token-response.ts',
      'if (context.secrets.some((secret) => holdsSecret(accessToken, secret))) {',
      'if (context.secrets.length < 0) {',
    ),
    test: 'test/lambda/mint/token-response.test.ts',
  },
  {
    asset: 'jobs',
    attack: 'The token endpoint returns a token with line breaks, to inject headers or log lines',
    guard: 'A token is printable ASCII without spaces',
    edit: edit(
      'lambda/mint/token-response.ts',
      'if (!/^[\\x21-\\x7e]+$/.test(accessToken)) {',
      "if (accessToken === '') {",
    ),
    test: 'test/lambda/mint/token-response.test.ts',
  },
  {
    asset: 'availability',
    attack:
      'The token endpoint claims a lifetime of years, so that an expired token is never replaced and no alarm is raised',
    guard: 'A lifetime above 48 hours is ignored',
    edit: edit(
      'lambda/mint/token-response.ts',
      'if (lifetimeMs <= MAX_LIFETIME_MS) {',
      'if (Number.isFinite(lifetimeMs)) {',
    ),
    test: 'test/lambda/mint/token-response.test.ts',
  },
  {
    asset: 'availability',
    attack: 'The token endpoint sends an endless body',
    guard: 'A body is cut at 64 KiB',
    edit: edit('lambda/mint/http.ts', 'if (size > MAX_BODY_BYTES) break;'),
    test: 'test/lambda/mint/http.test.ts',
  },
  {
    asset: 'stored token',
    attack: 'Another token endpoint is configured, and the probe would send the old server’s token to it',
    guard: 'A token is sent only to hosts of its own source',
    edit: edit(
      'lambda/refresh/keep-alive.ts',
      "if (token.source !== undefined && token.source !== policy.source) return 'not-due';",
    ),
    test: 'test/lambda/refresh/refresh.test.ts',
  },
  {
    asset: 'client secret',
    attack: 'Somebody who reads the log finds what a person pasted into an event by mistake',
    guard: 'A refused event is described without its text',
    edit: edit(
      'lambda/event.ts',
      "if (typeof value === 'number' || typeof value === 'boolean' || value === null) return String(value);",
      'return String(value);',
    ),
    test: 'test/lambda/event.test.ts',
  },
  {
    asset: 'availability',
    attack: 'Somebody who may invoke the function hides `force` among other keys',
    guard: 'An event has at most one key',
    edit: edit('lambda/event.ts', 'if (entries.length > 1) {', 'if (entries.length > 99) {'),
    test: 'test/lambda/event.test.ts',
  },
  {
    asset: 'availability',
    attack:
      'Somebody who may invoke the function sends `force` with any value, and causes an unintended mint',
    guard: '`force` and `diagnose` must be true',
    edit: edit('lambda/event.ts', 'if (value !== true) throw', 'if (value === undefined) throw'),
    test: 'test/lambda/event.test.ts',
  },
  {
    asset: 'function',
    attack: 'A schedule of another account uses the schedule’s role (confused deputy)',
    guard: 'The role trusts schedules of this account only',
    edit: edit(
      'infra/construct/heartbeat.ts',
      "conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(scope).account } },",
    ),
    test: 'test/infra/construct/token-refresher.test.ts',
  },
  {
    asset: 'client secrets',
    attack:
      'Code in the function, from a compromised dependency, decrypts other secrets with the secret’s key',
    guard: 'The function’s permission on the key is for this secret only',
    edit: edit(
      'infra/construct/function-role.ts',
      "StringLike: { 'kms:EncryptionContext:SecretARN': secretArn },",
    ),
    test: 'test/infra/construct/token-refresher.test.ts',
  },
  {
    asset: 'other tokens',
    attack: 'Code in the function of one token decrypts the token of another that shares its key',
    guard: 'The function’s permission on the key is for its own parameter only',
    edit: edit('infra/construct/token-parameters.ts', "'kms:EncryptionContext:PARAMETER_ARN': token,"),
    test: 'test/infra/isolation.test.ts',
  },
  {
    asset: 'VPC',
    attack:
      'Code in the function makes or deletes network interfaces with the permissions that Lambda needs for the VPC',
    guard: 'These actions are denied to the function’s code',
    edit: edit(
      'infra/construct/token-refresher.ts',
      'if (props.vpc !== undefined) createVpcActionsDenial',
      'if (props.tokenName === undefined) createVpcActionsDenial',
    ),
    test: 'test/infra/isolation.test.ts',
  },
  {
    asset: 'other data',
    attack: 'A job’s role decrypts other data with the token’s key',
    guard: 'Readers decrypt through Parameter Store, for their tokens only',
    edit: edit(
      'infra/construct/read-access.ts',
      "'kms:EncryptionContext:PARAMETER_ARN': tokens.map(({ parameters }) => parameters.tokenArn),",
    ),
    test: 'test/infra/construct/token-refresher.test.ts',
  },
  {
    asset: 'token in a job',
    attack: 'Another process on the runner calls the gateway of `token-endpoint` with another bearer',
    guard: 'Only tokens that this process issued are forwarded',
    edit: edit(
      'ci/token-endpoint/gateway.ts',
      "if (!issued.has(bearerOf(request) ?? '')) {",
      "if (bearerOf(request) === 'nobody') {",
    ),
    test: 'test/ci/token-endpoint/attacks.test.ts',
  },
  {
    asset: 'token in a job',
    attack: 'A web page in a browser on the runner reaches the port under its own host name (DNS rebinding)',
    guard: 'A request has one `Host` header: the loopback address and port',
    edit: edit(
      'ci/token-endpoint/server.ts',
      "!hosts.includes(request.headers.host ?? '')",
      'hosts.length === 0',
    ),
    test: 'test/ci/token-endpoint/attacks.test.ts',
  },
  {
    asset: 'token in a job',
    attack:
      'A request takes the token past the API: to another path of its host, or, as to a proxy, to any host',
    guard: 'Only targets that begin with `/api/v2/` are forwarded',
    edit: edit('ci/token-endpoint/api-path.ts', "if (!path.startsWith('/api/v2/')) return undefined;"),
    test: 'test/ci/token-endpoint/attacks.test.ts',
  },
  {
    asset: 'token in a job',
    attack: 'A path with dot segments leaves `/api/v2/`',
    guard: 'Paths with dot segments are refused, encoded ones too',
    edit: edit(
      'ci/token-endpoint/api-path.ts',
      'return segments.some(isDots) ? undefined : path;',
      'return segments.length > 0 ? path : undefined;',
    ),
    test: 'test/ci/token-endpoint/attacks.test.ts',
  },
  {
    asset: 'token in a job',
    attack: 'The API answers with a redirect to another host, and the client would send the token there',
    guard: 'A `Location` on another host is dropped',
    edit: edit('ci/token-endpoint/forwarded-headers.ts', 'if (url.origin !== origin) return undefined;'),
    test: 'test/ci/token-endpoint/gateway.test.ts',
  },
  {
    asset: 'availability',
    attack: 'A program in one job ends the token that all jobs share',
    guard: '`DELETE /api/v2/tokens/me` is not forwarded',
    edit: edit(
      'ci/token-endpoint/gateway.ts',
      "/^delete$/i.test(request.method ?? '')",
      "/^none$/i.test(request.method ?? '')",
    ),
    test: 'test/ci/token-endpoint/attacks.test.ts',
  },
  {
    asset: 'deployed code',
    attack: 'The owner of a dependency publishes a hostile patch version, and the next install takes it',
    guard: 'Versions are exact, and the lockfile has their hashes',
    edit: edit('package.json', '"undici": "', '"undici": "^'),
    test: 'test/package-lock.test.ts',
  },
  {
    asset: 'stored token',
    attack:
      'Somebody at GitHub names an organization so that a wildcard covers it, or chooses which claims a subject is made of',
    guard: 'A subject begins with its owner, and a wildcard may only follow that',
    edit: edit(
      'infra/construct/oidc-subject.ts',
      'if (!owner.test(literal)) {',
      "if (!owner.test(literal) && literal === '') {",
    ),
    test: 'test/infra/configuration/configuration-errors.test.ts',
  },
  {
    asset: 'stored token',
    attack: 'A service that a job sent an OIDC token to uses that token to read',
    guard: 'The audience is compared too',
    edit: edit('infra/construct/reader-role.ts', ':aud`]: audience };', ':sub`]: subject };'),
    test: 'test/infra/reader-roles.test.ts',
  },
  {
    asset: 'stored token',
    attack: 'Another role of a reader’s account takes the reader role',
    guard: 'Of another account, the named roles only are let in',
    edit: edit(
      'infra/construct/reader-role.ts',
      ".withConditions({ ArnEquals: { 'aws:PrincipalArn': arns } })",
    ),
    test: 'test/infra/reader-roles.test.ts',
  },
];

/** The table of docs/threat-model.md. */
export function threatTable(): string {
  const rows = THREATS.map(({ asset, attack, guard, edit: { file }, test }, index) =>
    [String(index + 1), asset, attack, guard, `\`${file}\``, `\`${test}\``].join(' | '),
  );
  const head = [
    '',
    'asset',
    'attacker, from where, how',
    'guard',
    'where it is',
    'the test that fails without it',
  ];
  return [head.join(' | '), head.map(() => '---').join(' | '), ...rows].map((row) => `| ${row} |`).join('\n');
}

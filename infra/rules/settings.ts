import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import * as z from 'zod';
import { DEFAULT_ASSUMED_LIFETIME_MS, MAX_LIFETIME_MS, type ProviderName } from '../../lambda/contract.ts';
import { settingOfProp } from './counterparts.ts';
import { show } from './messages.ts';
import { OIDC_READER } from './oidc-subject.ts';
import { PROVIDER_RULES } from './provider-settings.ts';
import { choice, flag, list, must, object, text, whole } from './rule.ts';

/**
 * Every setting of a token, with its limits. The configuration (`tokens.json`, `cdk.json`, the command line), the
 * construct's props and `tokens.schema.json` all take them from here; the settings of the providers from
 * `provider-settings.ts`.
 */

const MINUTE_MS = 60_000;

/**
 * The role that makes the deployments' calls gets up to 610 characters of policy per token, and IAM takes 10,240 in
 * a role.
 */
export const MAX_TOKENS = 16;

export const tokenName = text(
  'a name of 1 to 40 letters, digits, "-" and "_" that begins with a letter or digit',
  /^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$/,
);

export const prefix = text(
  'a path like "/ci" or "/team/ci": each part of letters, digits, "-", "_", at most 100 characters, no slash at the end, not below /aws or /ssm, which AWS reserves',
  /^(?=.{1,100}$)(?!\/([Aa][Ww][Ss]|[Ss][Ss][Mm]))(\/[A-Za-z0-9_-]+){1,13}$/,
);

/** In minutes, `[least, greatest]`. The least `expectedLifetime` is the provider's. */
export const TIMES = {
  refreshInterval: [1, 24 * 60],
  expectedLifetime: [PROVIDER_RULES.oauth2.lifetime.least, MAX_LIFETIME_MS / MINUTE_MS],
  assumedLifetime: [2, MAX_LIFETIME_MS / MINUTE_MS],
  longestJob: [1, MAX_LIFETIME_MS / MINUTE_MS],
} as const;

const minutes = (key: keyof typeof TIMES) => whole('minutes', TIMES[key][0], TIMES[key][1]);

const arn = (service: string, rest: string) =>
  new RegExp(`^arn:aws[a-z-]*:${service}:[a-z0-9-]+:\\d{12}:${rest}$`);

const keyArn = () =>
  text(
    'the ARN of a KMS key (arn:aws:kms:<region>:<account>:key/<id>); an alias cannot be granted',
    arn('kms', 'key/(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})'),
  );

export const roleArn = text(
  'the ARN of an IAM role (arn:aws:iam::<account>:role/<name>)',
  /^arn:aws[a-z-]*:iam::\d{12}:role\/(?=.{1,576}$)([\w+=,.@-]+\/)*[\w+=,.@-]{1,64}$/,
);

/** Ids of this kind. @see https://docs.aws.amazon.com/lambda/latest/api/API_VpcConfig.html */
const idOf = (what: string, start: string) =>
  text(
    `the id of a ${what} (${start}- and 8 or 17 hexadecimal digits)`,
    new RegExp(`^${start}-([0-9a-f]{8}|[0-9a-f]{17})$`),
  );

/** The most security groups of a function. */
export const MAX_SECURITY_GROUPS = 5;

/** CloudWatch Logs takes these numbers of days only. */
const LOG_RETENTIONS = Object.values(RetentionDays).filter(
  (days): days is RetentionDays => typeof days === 'number' && days !== RetentionDays.INFINITE,
);

const TAG_CHARACTERS = '[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]';
const TAG_RULE = 'letters, digits, spaces and _.:/=+-@';

/** @see https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html */
const tags = z
  .record(
    z
      .string()
      .regex(new RegExp(`^${TAG_CHARACTERS}{1,128}$`, 'u'), `is not a tag's key: 1 to 128 ${TAG_RULE}`)
      .regex(/^(?![Aa][Ww][Ss]:)/, 'begins with "aws:", which AWS reserves'),
    text(`a tag's value: a text of up to 256 ${TAG_RULE}`, new RegExp(`^${TAG_CHARACTERS}{0,256}$`, 'u')),
    must('an object of texts: {"team": "contact-centre"}'),
  )
  .superRefine((value, context) => {
    const keys = Object.keys(value);
    if (keys.length === 0 || keys.length > 50) {
      context.addIssue({ code: 'custom', message: `${keys.length} tags are not 1 to 50` });
    }
    keys.forEach((key, index) => {
      // IAM treats them as the same key.
      const alike = keys.slice(0, index).find((one) => one.toLowerCase() === key.toLowerCase());
      if (alike === undefined) return;
      const message = `differs from "${alike}" in upper and lower case only`;
      context.addIssue({ code: 'custom', path: [key], message });
    });
  });

/** The settings that the construct takes in the same form. */
export const SHARED = {
  tags: tags.optional(),
  logRetention: z
    .literal(
      LOG_RETENTIONS,
      must(`a number of days that CloudWatch Logs keeps: ${LOG_RETENTIONS.join(', ')}`),
    )
    .default(RetentionDays.ONE_MONTH),
  runbookUrl: text(
    'an http or https URL of up to 300 characters, without a user name',
    /^(?=.{1,300}$)https?:\/\/[^\s/@]+(\/\S*)?$/,
  ).optional(),
  fipsEndpoints: flag().default(false),
  adoptParameters: flag().default(false),
  retainParameters: flag().default(false),
};

const secretName = () =>
  text(
    'the name of a secret: 1 to 512 letters, digits and /_+=.@-; an ARN goes into secretArn',
    /^[A-Za-z0-9/_+=.@-]{1,512}$/,
  );

const secretArn = () =>
  text(
    'the complete ARN of a secret, with the hyphen and six characters that end it; without them, set secretName',
    arn('secretsmanager', 'secret:[A-Za-z0-9/_+=.@-]{1,512}-[A-Za-z0-9]{6}'),
  );

/** In days, `[least, greatest]`. */
export const ROTATION_DAYS = [1, 365] as const;

/** The settings of a token whose provider renews secrets. */
const ROTATION = {
  rotation: object(
    {
      adminSecretName: secretName().optional(),
      adminSecretArn: secretArn().optional(),
      adminSecretEncryptionKeyArn: keyArn().optional(),
      everyDays: whole('days', ...ROTATION_DAYS).default(90),
    },
    'an object with adminSecretName or adminSecretArn',
  ).optional(),
};

/** A role's ARN is short for an object with it. */
export const READER = z.union(
  [
    roleArn.transform((role) => ({ role, refresh: undefined })),
    object({ role: roleArn, refresh: flag().optional() }, 'an object with role'),
    OIDC_READER,
  ],
  {
    error: ({ input }) =>
      `${show(input)} is neither the ARN of a role nor an object with role, or with oidcProvider and subject`,
  },
);

/** One that reads the token: a role, or a job by OIDC. `refresh` is false: it may not invoke the function. */
export type Reader = z.output<typeof READER>;

const COMMON = {
  name: tokenName,
  prefix: prefix.default('/ci'),
  secretName: secretName().optional(),
  secretArn: secretArn().optional(),
  secretEncryptionKeyArn: keyArn().optional(),
  encryptionKeyArn: keyArn().optional(),
  refreshInterval: minutes('refreshInterval').optional(),
  assumedLifetime: minutes('assumedLifetime').default(DEFAULT_ASSUMED_LIFETIME_MS / MINUTE_MS),
  longestJob: minutes('longestJob').optional(),
  reservedConcurrency: z
    .literal(
      [0, 1, false],
      must('1 (refreshes one at a time) or 0 (none reserved, for accounts with a concurrency limit of 10)'),
    )
    .default(1),
  alarmEmail: text('an e-mail address', /^(?=.{3,254}$)[^\s@",;]{1,64}@[^\s@",;]+\.[^\s@",;.]+$/).optional(),
  alarmTopicArn: text(
    'the ARN of a standard SNS topic (arn:aws:sns:<region>:<account>:<name>)',
    arn('sns', '[A-Za-z0-9_-]{1,256}'),
  ).optional(),
  readers: list(READER, 'a list of role ARNs and objects with role, or with oidcProvider and subject', {
    keyOf: (reader) => JSON.stringify({ ...(reader as Reader), refresh: undefined }),
  }).default([]),
  vpcId: idOf('VPC', 'vpc').optional(),
  subnetIds: list(idOf('subnet', 'subnet'), 'a list of 1 to 16 ids of subnets', {
    least: 1,
    greatest: 16,
  }).optional(),
  securityGroupIds: list(
    idOf('security group', 'sg'),
    `a list of 1 to ${MAX_SECURITY_GROUPS} ids of security groups`,
    { least: 1, greatest: MAX_SECURITY_GROUPS },
  ).optional(),
  ...SHARED,
  logEncryptionKeyArn: keyArn().optional(),
};

export const PROVIDER_NAMES = Object.keys(PROVIDER_RULES) as ProviderName[];
export const PROVIDER_KEYS = [
  ...PROVIDER_NAMES.flatMap((name) => Object.keys(PROVIDER_RULES[name].settings)),
  ...Object.keys(ROTATION),
];

/** A token of this provider, as it is written. */
function tokenOf<N extends ProviderName>(name: N) {
  const { settings, lifetime, renewsSecrets } = PROVIDER_RULES[name];
  return object(
    {
      ...COMMON,
      ...(renewsSecrets ? ROTATION : {}),
      provider: z.literal(name),
      ...settings,
      expectedLifetime: whole('minutes', lifetime.least, TIMES.expectedLifetime[1]).default(lifetime.default),
    },
    'an object',
    (key) =>
      PROVIDER_KEYS.includes(key)
        ? `is not a setting of the provider ${name}; remove it`
        : settingOfProp(key),
  );
}

/** A token of a provider that is not known: its settings are not called unknown too. */
const STRANGER = object(
  {
    ...COMMON,
    provider: choice(PROVIDER_NAMES),
    expectedLifetime: minutes('expectedLifetime').default(PROVIDER_RULES.oauth2.lifetime.default),
    ...Object.fromEntries(PROVIDER_KEYS.map((key) => [key, z.unknown().optional()])),
  },
  'an object',
);

/** A token as it is written, by its provider's name. */
const TOKENS = Object.fromEntries(PROVIDER_NAMES.map((name) => [name, tokenOf(name)]));

type TokenSchema = z.ZodObject<
  typeof COMMON & typeof ROTATION & { provider: z.ZodType<ProviderName>; expectedLifetime: z.ZodType<number> }
>;

/** A token as it is written, with its defaults, without the settings of its provider. */
export type TokenSettings = z.output<TokenSchema>;

/** The schema for an item of the list of tokens: that of its provider. */
export function tokenSchemaOf(value: unknown): TokenSchema {
  const { provider } = Object(value) as { readonly provider?: unknown };
  const name = PROVIDER_NAMES.find((one) => one === provider);
  return (TOKENS[name ?? ''] ?? STRANGER) as TokenSchema;
}

/** The JSON Schema of the file of tokens: a list, or an object that can name its schema beside it. */
export function tokensJsonSchema(): object {
  const tokens = z
    .array(z.discriminatedUnion('provider', Object.values(TOKENS) as [ReturnType<typeof tokenOf>]))
    .min(1)
    .max(MAX_TOKENS);
  const file = z.union([tokens, z.strictObject({ $schema: z.string().optional(), tokens })]);
  return z.toJSONSchema(file, { io: 'input', reused: 'ref', target: 'draft-7' });
}

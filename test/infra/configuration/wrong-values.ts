import { GENESYS_DOMAINS } from '../../../lambda/providers/genesys-regions.ts';
import { TARGET } from '../full-configuration.ts';

const genesys = { name: 'a', provider: 'genesys-cloud', region: 'eu-central-1' };
const oauth2 = { name: 'a', provider: 'oauth2', tokenUrl: 'https://id.example.com/token' };
const vpc = { ...genesys, vpcId: 'vpc-0123456789abcdef0' };
const REGIONS = Object.keys(GENESYS_DOMAINS).join(', ');
const GITHUB = 'token.actions.githubusercontent.com';
const KEY = 'key/11111111-2222-4333-8444-555555555555';

const arn = (
  service: string,
  rest: string,
  { partition = 'aws', region = TARGET.region, account = TARGET.account } = {},
) => `arn:${partition}:${service}:${region}:${account}:${rest}`;
const role = (name: string) => `arn:aws:iam::${TARGET.account}:role/${name}`;

/** What is wrong, the tokens, and what a person reads. `docs/configuration-errors.md` is made of it. */
export const WRONG_TOKENS: readonly (readonly [what: string, tokens: unknown, message: string])[] = [
  [
    'tokens missing',
    undefined,
    'tokens: is missing; write the list [{"name": …, "provider": …}] into tokens.json beside cdk.json',
  ],
  [
    'no JSON',
    '[{name: x}]',
    `tokens: is not JSON (Expected property name or '}' in JSON at position 2 (line 1 column 3)); quote it for the shell: -c tokens='[{"name": …}]'`,
  ],
  [
    'an object',
    genesys,
    'tokens: {"name":"a","provider":"genesys-cloud","region":"eu-centr… is not a list; write the list [{"name": …, "provider": …}] into tokens.json beside cdk.json',
  ],
  ['empty', [], 'tokens: is empty; describe at least one token'],
  [
    '17 tokens',
    Array.from({ length: 17 }, (_, index) => ({ ...genesys, name: `t${index}` })),
    'tokens: 17 tokens are more than the 16 that fit a stack; make a second one (-c stackName=… -c tokensFile=…)',
  ],
  ['a token that is a text', ['genesys'], 'tokens[0]: "genesys" is not an object'],
  [
    'name missing',
    [{ ...genesys, name: undefined }],
    'tokens[0].name: is missing; set it to a name of 1 to 40 letters, digits, "-" and "_" that begins with a letter or digit',
  ],
  [
    'name with a slash',
    [{ ...genesys, name: 'a/b' }],
    'tokens[0].name: "a/b" is not a name of 1 to 40 letters, digits, "-" and "_" that begins with a letter or digit',
  ],
  [
    'name too long',
    [{ ...genesys, name: 'x'.repeat(41) }],
    'tokens[0].name: "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" is not a name of 1 to 40 letters, digits, "-" and "_" that begins with a letter or digit',
  ],
  [
    'function name too long',
    [{ ...genesys, name: 'x'.repeat(40), prefix: '/a-team-of-people' }],
    `tokens[0].name: makes the function name "token-refresher-a-team-of-people-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" of 73 characters; Lambda's limit is 64: shorten name or prefix`,
  ],
  [
    'name twice',
    [genesys, genesys],
    'tokens[1].name: "a" must differ, in more than punctuation, from the name of tokens[0], "a"',
  ],
  [
    'names alike',
    [
      { ...genesys, name: 'a-b' },
      { ...genesys, name: 'A_b' },
    ],
    'tokens[1].name: "A_b" must differ, in more than punctuation, from the name of tokens[0], "a-b"',
  ],
  [
    'functions alike',
    [
      { ...genesys, name: 'x-y' },
      { ...genesys, prefix: '/ci/x', name: 'y' },
    ],
    'tokens[1].name: "y" makes the function name "token-refresher-ci-x-y" like tokens[0], "x-y"',
  ],
  [
    'provider missing',
    [{ name: 'a', region: 'eu-central-1' }],
    'tokens[0].provider: is missing; set it to one of genesys-cloud, nice-cxone, nice-cxone-access-key, oauth2',
  ],
  [
    'provider cut short',
    [{ ...genesys, provider: 'genesys' }],
    'tokens[0].provider: "genesys" is not one of genesys-cloud, nice-cxone, nice-cxone-access-key, oauth2; did you mean "genesys-cloud"?',
  ],
  [
    'provider misspelt',
    [{ ...genesys, provider: 'genesys-clud' }],
    'tokens[0].provider: "genesys-clud" is not one of genesys-cloud, nice-cxone, nice-cxone-access-key, oauth2; did you mean "genesys-cloud"?',
  ],
  [
    'region missing',
    [{ name: 'a', provider: 'genesys-cloud' }],
    `tokens[0].region: is missing; set it to a region of Genesys Cloud (${REGIONS}), or a domain like "mypurecloud.de"`,
  ],
  [
    'region unknown',
    [{ ...genesys, region: 'eu-central-9' }],
    `tokens[0].region: "eu-central-9" is not a region of Genesys Cloud (${REGIONS}), or a domain like "mypurecloud.de"; did you mean "eu-central-1"?`,
  ],
  [
    'domain misspelt',
    [{ ...genesys, region: 'mypurecloud.ed' }],
    'tokens[0].region: "mypurecloud.ed" is not a known domain of Genesys Cloud; the nearest is "mypurecloud.de". If it is the domain of a new region, set allowUnlistedDomain to true',
  ],
  [
    'host in place of the domain',
    [{ ...genesys, region: 'login.usw2.pure.cloud' }],
    'tokens[0].region: "login.usw2.pure.cloud" is not a known domain of Genesys Cloud; the nearest is "usw2.pure.cloud". If it is the domain of a new region, set allowUnlistedDomain to true',
  ],
  [
    'unlisted domain allowed by a text',
    [{ ...genesys, allowUnlistedDomain: 'yes' }],
    'tokens[0].allowUnlistedDomain: "yes" is not true or false',
  ],
  [
    'region a URL',
    [{ ...genesys, region: 'https://login.mypurecloud.de' }],
    `tokens[0].region: "https://login.mypurecloud.de" is not a region of Genesys Cloud (${REGIONS}), or a domain like "mypurecloud.de"`,
  ],
  [
    'setting of another provider',
    [{ ...genesys, area: 'na1' }],
    'tokens[0].area: is not a setting of the provider genesys-cloud; remove it',
  ],
  [
    'setting misspelt',
    [{ ...genesys, refreshIntervall: 20 }],
    'tokens[0].refreshIntervall: is not a setting; did you mean "refreshInterval"?',
  ],
  [
    'secret in the configuration',
    [{ ...genesys, client_secret: 'hunter2' }],
    'tokens[0].client_secret: is not a setting; a client secret belongs in Secrets Manager, never in the configuration',
  ],
  [
    'area',
    [{ name: 'a', provider: 'nice-cxone-access-key', area: 'North America' }],
    'tokens[0].area: "North America" is not an area of CXone like "na1" or "eu1", or a domain like "na1.nice-incontact.com"',
  ],
  [
    'issuer http',
    [{ name: 'a', provider: 'nice-cxone', issuer: 'http://cxone.niceincontact.com' }],
    'tokens[0].issuer: "http://cxone.niceincontact.com" is not an https URL without user, password, fragment or white space (http for loopback addresses only)',
  ],
  [
    'no URL',
    [{ name: 'a', provider: 'oauth2' }],
    'tokens[0].tokenUrl: is missing, and so is issuer; set one of them: tokenUrl, or issuer to discover it',
  ],
  [
    'two URLs',
    [{ ...oauth2, issuer: 'https://id.example.com' }],
    'tokens[0].tokenUrl: is set beside issuer; set one of them: tokenUrl, or issuer to discover it',
  ],
  [
    'URL with password',
    [{ ...oauth2, tokenUrl: 'https://user:password@id.example.com/token' }],
    'tokens[0].tokenUrl: "https://…@id.example.com/token" is not an https URL without user, password, fragment or white space (http for loopback addresses only)',
  ],
  [
    'client authentication',
    [{ ...oauth2, clientAuthentication: 'client_secret_basc' }],
    'tokens[0].clientAuthentication: "client_secret_basc" is not one of client_secret_basic, client_secret_post, private_key_jwt; did you mean "client_secret_basic"?',
  ],
  [
    'scope',
    [{ ...oauth2, scope: 'a\nb' }],
    'tokens[0].scope: "a\\nb" is not a list of scopes, each of ASCII characters without quotation mark and backslash, with one space between (RFC 6749 section 3.3), of 1 to 2,000 characters',
  ],
  [
    'resource',
    [{ ...oauth2, resource: ['https://a.example.com', 'b'] }],
    'tokens[0].resource: ["https://a.example.com","b"] is not an absolute URI without fragment and white space, nor a list of them',
  ],
  [
    'own parameter',
    [{ ...oauth2, parameters: { grant_type: 'password' } }],
    'tokens[0].parameters.grant_type: is set by the token request itself; remove it here',
  ],
  [
    'parameter no text',
    [{ ...oauth2, parameters: { tenant: 7 } }],
    'tokens[0].parameters.tenant: 7 is not a text',
  ],
  [
    'discovery document as issuer',
    [{ name: 'a', provider: 'oauth2', issuer: 'https://id.example.com/.well-known/openid-configuration' }],
    'tokens[0].issuer: "https://id.example.com/.well-known/openid-configuration" is the URL of the discovery document; remove /.well-known/ and what follows',
  ],
  [
    'issuer with a query',
    [{ name: 'a', provider: 'oauth2', issuer: 'https://id.example.com/?a' }],
    'tokens[0].issuer: "https://id.example.com/?a" has a query, which an issuer cannot have; remove it',
  ],
  [
    'assertionAudience without an assertion',
    [{ ...oauth2, assertionAudience: 'https://id.example.com' }],
    'tokens[0].assertionAudience: is for clientAuthentication private_key_jwt only; remove it',
  ],
  [
    'probeUrl',
    [{ ...oauth2, probeUrl: 'api.example.com/me' }],
    'tokens[0].probeUrl: "api.example.com/me" is not an https URL without user, password, fragment or white space (http for loopback addresses only)',
  ],
  [
    'prefix no slash',
    [{ ...genesys, prefix: 'ci' }],
    'tokens[0].prefix: "ci" is not a path like "/ci" or "/team/ci": each part of letters, digits, "-", "_", at most 100 characters, no slash at the end, not below /aws or /ssm, which AWS reserves',
  ],
  [
    'prefix aws',
    [{ ...genesys, prefix: '/aws/ci' }],
    'tokens[0].prefix: "/aws/ci" is not a path like "/ci" or "/team/ci": each part of letters, digits, "-", "_", at most 100 characters, no slash at the end, not below /aws or /ssm, which AWS reserves',
  ],
  [
    'secretName an ARN',
    [{ ...genesys, secretName: 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:x-AbCdEf' }],
    'tokens[0].secretName: "arn:aws:secretsmanager:eu-central-1:111122223333:secret:… is not the name of a secret: 1 to 512 letters, digits and /_+=.@-; an ARN goes into secretArn',
  ],
  [
    'secretArn incomplete',
    [{ ...genesys, secretArn: 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:x' }],
    'tokens[0].secretArn: "arn:aws:secretsmanager:eu-central-1:111122223333:secret:x" is not the complete ARN of a secret, with the hyphen and six characters that end it; without them, set secretName',
  ],
  [
    'two secrets',
    [
      {
        ...genesys,
        secretName: 'x',
        secretArn: 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:x-AbCdEf',
      },
    ],
    'tokens[0].secretArn: is set beside secretName; set one of them',
  ],
  [
    'secret key without secret',
    [
      {
        ...genesys,
        secretEncryptionKeyArn:
          'arn:aws:kms:eu-central-1:111122223333:key/11111111-2222-4333-8444-555555555555',
      },
    ],
    'tokens[0].secretEncryptionKeyArn: is for an existing secret; set secretName or secretArn, or remove it (the secret that the stack creates takes encryptionKeyArn)',
  ],
  [
    'key alias',
    [{ ...genesys, encryptionKeyArn: 'arn:aws:kms:eu-central-1:111122223333:alias/ci' }],
    'tokens[0].encryptionKeyArn: "arn:aws:kms:eu-central-1:111122223333:alias/ci" is not the ARN of a KMS key (arn:aws:kms:<region>:<account>:key/<id>); an alias cannot be granted',
  ],
  [
    'interval 0',
    [{ ...genesys, refreshInterval: 0 }],
    'tokens[0].refreshInterval: 0 is not a whole number of minutes from 1 to 1440',
  ],
  [
    'interval a text',
    [{ ...genesys, refreshInterval: '50' }],
    'tokens[0].refreshInterval: "50" is not a whole number of minutes from 1 to 1440',
  ],
  [
    'interval broken',
    [{ ...genesys, refreshInterval: 7.5 }],
    'tokens[0].refreshInterval: 7.5 is not a whole number of minutes from 1 to 1440',
  ],
  [
    'lifetime above',
    [{ ...genesys, expectedLifetime: 2881 }],
    'tokens[0].expectedLifetime: 2881 is not a whole number of minutes from 5 to 2880',
  ],
  [
    'lifetime Genesys',
    [{ ...genesys, expectedLifetime: 4 }],
    'tokens[0].expectedLifetime: 4 is not a whole number of minutes from 5 to 2880',
  ],
  [
    'no margin',
    [{ ...genesys, expectedLifetime: 5 }],
    'tokens[0].expectedLifetime: 5 minutes leave no margin with a refresh after 250 seconds; set refreshInterval to 3 or less, or let the tokens live longer',
  ],
  [
    'no margin at all',
    [{ ...oauth2, expectedLifetime: 2 }],
    'tokens[0].expectedLifetime: 2 minutes leave no margin with a refresh after 100 seconds; let the tokens live longer',
  ],
  [
    'assumed',
    [{ ...oauth2, assumedLifetime: 1 }],
    'tokens[0].assumedLifetime: 1 is not a whole number of minutes from 2 to 2880',
  ],
  [
    'longest job',
    [{ ...oauth2, longestJob: 55 }],
    'tokens[0].longestJob: 55 minutes are more than the 54 minutes that are possible with tokens of 60 minutes; let the tokens live longer (expectedLifetime), or remove longestJob and let the job request the time that it needs (access-token --min-ttl)',
  ],
  [
    'longest job of tokens that live too short for any',
    [{ ...genesys, expectedLifetime: 6, refreshInterval: 3, longestJob: 1 }],
    'tokens[0].longestJob: tokens of 6 minutes are too short for any longestJob; let the tokens live longer (expectedLifetime), or remove longestJob',
  ],
  [
    'concurrency',
    [{ ...genesys, reservedConcurrency: 2 }],
    'tokens[0].reservedConcurrency: 2 is not 1 (refreshes one at a time) or 0 (none reserved, for accounts with a concurrency limit of 10)',
  ],
  [
    'email',
    [{ ...genesys, alarmEmail: 'on-call' }],
    'tokens[0].alarmEmail: "on-call" is not an e-mail address',
  ],
  [
    'topic',
    [{ ...genesys, alarmTopicArn: 'on-call' }],
    'tokens[0].alarmTopicArn: "on-call" is not the ARN of a standard SNS topic (arn:aws:sns:<region>:<account>:<name>)',
  ],
  [
    'two alarms',
    [
      {
        ...genesys,
        alarmEmail: 'on-call@example.com',
        alarmTopicArn: 'arn:aws:sns:eu-central-1:111122223333:on-call',
      },
    ],
    'tokens[0].alarmTopicArn: is set beside alarmEmail; set one of them, or subscribe the address to the topic',
  ],
  [
    'readers no list',
    [{ ...genesys, readers: 'arn:aws:iam::111122223333:role/ci' }],
    'tokens[0].readers: "arn:aws:iam::111122223333:role/ci" is not a list of role ARNs and objects with oidcProvider and subject',
  ],
  [
    'reader a user',
    [{ ...genesys, readers: ['arn:aws:iam::111122223333:user/ci'] }],
    'tokens[0].readers[0]: "arn:aws:iam::111122223333:user/ci" is not the ARN of an IAM role (arn:aws:iam::<account>:role/<name>)',
  ],
  [
    'reader twice',
    [{ ...genesys, readers: ['arn:aws:iam::111122223333:role/ci', 'arn:aws:iam::111122223333:role/ci'] }],
    'tokens[0].readers[1]: "arn:aws:iam::111122223333:role/ci" is listed twice',
  ],
  [
    'vpc',
    [{ ...genesys, vpcId: 'main' }],
    'tokens[0].vpcId: "main" is not the id of a VPC (vpc- and 8 or 17 hexadecimal digits)',
  ],
  ['adopt', [{ ...genesys, adoptParameters: 1 }], 'tokens[0].adoptParameters: 1 is not true or false'],
  [
    'retain',
    [{ ...genesys, retainParameters: 'yes' }],
    'tokens[0].retainParameters: "yes" is not true or false',
  ],
  [
    'issuer with white space',
    [{ name: 'a', provider: 'nice-cxone', issuer: 'https://cxone.niceincontact.com ' }],
    'tokens[0].issuer: "https://cxone.niceincontact.com " is not an https URL without user, password, fragment or white space (http for loopback addresses only)',
  ],
  [
    'audience with white space at the end',
    [{ ...oauth2, audience: 'api ' }],
    'tokens[0].audience: "api " is not a text of 1 to 2,000 characters without control characters, and without white space at either end',
  ],
  [
    'audience no text',
    [{ ...oauth2, audience: ['api'] }],
    'tokens[0].audience: ["api"] is not a text of 1 to 2,000 characters without control characters, and without white space at either end',
  ],
  [
    'assertion audience empty',
    [{ ...oauth2, clientAuthentication: 'private_key_jwt', assertionAudience: '' }],
    'tokens[0].assertionAudience: "" is not a text of 1 to 2,000 characters without control characters, and without white space at either end',
  ],
  [
    'scope as a list',
    [{ ...oauth2, scope: ['read', 'write'] }],
    'tokens[0].scope: ["read","write"] is not a list of scopes, each of ASCII characters without quotation mark and backslash, with one space between (RFC 6749 section 3.3), of 1 to 2,000 characters',
  ],
  [
    'scope with two spaces',
    [{ ...oauth2, scope: 'read  write' }],
    'tokens[0].scope: "read  write" is not a list of scopes, each of ASCII characters without quotation mark and backslash, with one space between (RFC 6749 section 3.3), of 1 to 2,000 characters',
  ],
  [
    'resource a list without any',
    [{ ...oauth2, resource: [] }],
    'tokens[0].resource: [] is not an absolute URI without fragment and white space, nor a list of them',
  ],
  [
    'resource with a fragment',
    [{ ...oauth2, resource: 'https://api.example.com/#a' }],
    'tokens[0].resource: "https://api.example.com/#a" is not an absolute URI without fragment and white space, nor a list of them',
  ],
  [
    'parameters no object',
    [{ ...oauth2, parameters: 'tenant=blue' }],
    'tokens[0].parameters: "tenant=blue" is not an object of texts',
  ],
  [
    'provider no text',
    [{ ...genesys, provider: ['genesys-cloud'] }],
    'tokens[0].provider: ["genesys-cloud"] is not one of genesys-cloud, nice-cxone, nice-cxone-access-key, oauth2',
  ],
  [
    'region no text',
    [{ ...genesys, region: 1 }],
    'tokens[0].region: 1 is not a region of Genesys Cloud (us-east-1, us-east-2, us-west-2, ca-central-1, sa-east-1, mx-central-1, eu-west-1, eu-west-2, eu-central-1, eu-central-2, eusc-de-east-1, me-central-1, ap-south-1, ap-southeast-1, ap-southeast-2, ap-northeast-1, ap-northeast-2, ap-northeast-3), or a domain like "mypurecloud.de"',
  ],
  [
    'region of AWS where Genesys Cloud is not',
    [{ ...genesys, region: 'eu-central1' }],
    'tokens[0].region: "eu-central1" is not a region of Genesys Cloud (us-east-1, us-east-2, us-west-2, ca-central-1, sa-east-1, mx-central-1, eu-west-1, eu-west-2, eu-central-1, eu-central-2, eusc-de-east-1, me-central-1, ap-south-1, ap-southeast-1, ap-southeast-2, ap-northeast-1, ap-northeast-2, ap-northeast-3), or a domain like "mypurecloud.de"; did you mean "eu-central-1"?',
  ],
  [
    'area missing',
    [{ name: 'a', provider: 'nice-cxone-access-key' }],
    'tokens[0].area: is missing; set it to an area of CXone like "na1" or "eu1", or a domain like "na1.nice-incontact.com"',
  ],
  [
    'name empty',
    [{ ...genesys, name: '' }],
    'tokens[0].name: "" is not a name of 1 to 40 letters, digits, "-" and "_" that begins with a letter or digit',
  ],
  [
    'name no text',
    [{ ...genesys, name: 7 }],
    'tokens[0].name: 7 is not a name of 1 to 40 letters, digits, "-" and "_" that begins with a letter or digit',
  ],
  [
    'name with a letter that is not ASCII',
    [{ ...genesys, name: 'fürth' }],
    'tokens[0].name: "fürth" is not a name of 1 to 40 letters, digits, "-" and "_" that begins with a letter or digit',
  ],
  [
    'name of a part of the stack',
    [{ ...genesys, name: 'Dashboard' }],
    'tokens[0].name: "Dashboard" is the name of a part of the stack; choose another',
  ],
  [
    'name of another token’s resources',
    [
      { ...genesys, name: 'x' },
      { ...genesys, name: 'x-resources' },
    ],
    'tokens[1].name: "x-resources" is also how the stack calls the resources of tokens[0], "x"',
  ],
  [
    'prefix with a slash at the end',
    [{ ...genesys, prefix: '/ci/' }],
    'tokens[0].prefix: "/ci/" is not a path like "/ci" or "/team/ci": each part of letters, digits, "-", "_", at most 100 characters, no slash at the end, not below /aws or /ssm, which AWS reserves',
  ],
  [
    'prefix too long',
    [{ ...genesys, prefix: `/${'x'.repeat(100)}` }],
    'tokens[0].prefix: "/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx… is not a path like "/ci" or "/team/ci": each part of letters, digits, "-", "_", at most 100 characters, no slash at the end, not below /aws or /ssm, which AWS reserves',
  ],
  [
    'prefix of 14 levels',
    [{ ...genesys, prefix: '/a'.repeat(14) }],
    'tokens[0].prefix: "/a/a/a/a/a/a/a/a/a/a/a/a/a/a" is not a path like "/ci" or "/team/ci": each part of letters, digits, "-", "_", at most 100 characters, no slash at the end, not below /aws or /ssm, which AWS reserves',
  ],
  [
    'prefix ssm',
    [{ ...genesys, prefix: '/SSM' }],
    'tokens[0].prefix: "/SSM" is not a path like "/ci" or "/team/ci": each part of letters, digits, "-", "_", at most 100 characters, no slash at the end, not below /aws or /ssm, which AWS reserves',
  ],
  [
    'prefix no text',
    [{ ...genesys, prefix: null }],
    'tokens[0].prefix: null is not a path like "/ci" or "/team/ci": each part of letters, digits, "-", "_", at most 100 characters, no slash at the end, not below /aws or /ssm, which AWS reserves',
  ],
  [
    'secret name empty',
    [{ ...genesys, secretName: '' }],
    'tokens[0].secretName: "" is not the name of a secret: 1 to 512 letters, digits and /_+=.@-; an ARN goes into secretArn',
  ],
  [
    'secret name too long',
    [{ ...genesys, secretName: 'x'.repeat(513) }],
    'tokens[0].secretName: "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx… is not the name of a secret: 1 to 512 letters, digits and /_+=.@-; an ARN goes into secretArn',
  ],
  [
    'secret name with a space',
    [{ ...genesys, secretName: 'my client' }],
    'tokens[0].secretName: "my client" is not the name of a secret: 1 to 512 letters, digits and /_+=.@-; an ARN goes into secretArn',
  ],
  [
    'secretArn of a parameter',
    [{ ...genesys, secretArn: 'arn:aws:ssm:eu-central-1:111122223333:parameter/x' }],
    'tokens[0].secretArn: "arn:aws:ssm:eu-central-1:111122223333:parameter/x" is not the complete ARN of a secret, with the hyphen and six characters that end it; without them, set secretName',
  ],
  [
    'secretArn of another region',
    [{ ...genesys, secretArn: arn('secretsmanager', 'secret:x-AbCdEf', { region: 'eu-west-1' }) }],
    'tokens[0].secretArn: "arn:aws:secretsmanager:eu-west-1:111122223333:secret:x-A… lies in region eu-west-1 (the stack is in eu-central-1); Secrets Manager sends its change events only to its own account and region; replicate the secret to the region of the stack, or store it in this account, and name that one',
  ],
  [
    'secretArn of another account',
    [{ ...genesys, secretArn: arn('secretsmanager', 'secret:x-AbCdEf', { account: '999900001111' }) }],
    'tokens[0].secretArn: "arn:aws:secretsmanager:eu-central-1:999900001111:secret:… lies in account 999900001111 (the stack is in 111122223333); Secrets Manager sends its change events only to its own account and region; replicate the secret to the region of the stack, or store it in this account, and name that one',
  ],
  [
    'secretArn of another partition',
    [
      {
        ...genesys,
        secretArn: arn('secretsmanager', 'secret:x-AbCdEf', { partition: 'aws-cn', region: 'cn-north-1' }),
      },
    ],
    'tokens[0].secretArn: "arn:aws-cn:secretsmanager:cn-north-1:111122223333:secret… lies in partition aws-cn (the stack is in aws), region cn-north-1 (the stack is in eu-central-1); Secrets Manager sends its change events only to its own account and region; replicate the secret to the region of the stack, or store it in this account, and name that one',
  ],
  [
    'key of a secret, no key',
    [{ ...genesys, secretName: 'x', secretEncryptionKeyArn: 'ci' }],
    'tokens[0].secretEncryptionKeyArn: "ci" is not the ARN of a KMS key (arn:aws:kms:<region>:<account>:key/<id>); an alias cannot be granted',
  ],
  [
    'key of a secret in another region',
    [{ ...genesys, secretName: 'x', secretEncryptionKeyArn: arn('kms', KEY, { region: 'eu-west-1' }) }],
    'tokens[0].secretEncryptionKeyArn: "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-433… lies in region eu-west-1 (the stack is in eu-central-1); a secret is encrypted with a key of its own region; name that one',
  ],
  [
    'interval null',
    [{ ...genesys, refreshInterval: null }],
    'tokens[0].refreshInterval: null is not a whole number of minutes from 1 to 1440',
  ],
  [
    'interval above a day',
    [{ ...genesys, refreshInterval: 1441 }],
    'tokens[0].refreshInterval: 1441 is not a whole number of minutes from 1 to 1440',
  ],
  [
    'lifetime a text',
    [{ ...genesys, expectedLifetime: '24h' }],
    'tokens[0].expectedLifetime: "24h" is not a whole number of minutes from 5 to 2880',
  ],
  [
    'assumed above two days',
    [{ ...oauth2, assumedLifetime: 2881 }],
    'tokens[0].assumedLifetime: 2881 is not a whole number of minutes from 2 to 2880',
  ],
  [
    'longest job of none',
    [{ ...genesys, longestJob: 0 }],
    'tokens[0].longestJob: 0 is not a whole number of minutes from 1 to 2880',
  ],
  [
    'longest job a text',
    [{ ...genesys, longestJob: '45m' }],
    'tokens[0].longestJob: "45m" is not a whole number of minutes from 1 to 2880',
  ],
  [
    'key id alone',
    [{ ...genesys, encryptionKeyArn: '11111111-2222-4333-8444-555555555555' }],
    'tokens[0].encryptionKeyArn: "11111111-2222-4333-8444-555555555555" is not the ARN of a KMS key (arn:aws:kms:<region>:<account>:key/<id>); an alias cannot be granted',
  ],
  [
    'key of another region',
    [{ ...genesys, encryptionKeyArn: arn('kms', KEY, { region: 'eu-west-1' }) }],
    'tokens[0].encryptionKeyArn: "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-433… lies in region eu-west-1 (the stack is in eu-central-1); Parameter Store encrypts with a key of its own account and region; name one of those',
  ],
  [
    'key of another account',
    [{ ...genesys, encryptionKeyArn: arn('kms', KEY, { account: '999900001111' }) }],
    'tokens[0].encryptionKeyArn: "arn:aws:kms:eu-central-1:999900001111:key/11111111-2222-… lies in account 999900001111 (the stack is in 111122223333); Parameter Store encrypts with a key of its own account and region; name one of those',
  ],
  [
    'concurrency a text',
    [{ ...genesys, reservedConcurrency: '1' }],
    'tokens[0].reservedConcurrency: "1" is not 1 (refreshes one at a time) or 0 (none reserved, for accounts with a concurrency limit of 10)',
  ],
  [
    'email of two addresses',
    [{ ...genesys, alarmEmail: 'a@example.com, b@example.com' }],
    'tokens[0].alarmEmail: "a@example.com, b@example.com" is not an e-mail address',
  ],
  [
    'email no text',
    [{ ...genesys, alarmEmail: ['a@example.com'] }],
    'tokens[0].alarmEmail: ["a@example.com"] is not an e-mail address',
  ],
  [
    'email too long',
    [{ ...genesys, alarmEmail: `a@${'x'.repeat(254)}.com` }],
    'tokens[0].alarmEmail: "a@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx… is not an e-mail address',
  ],
  [
    'topic that is first in, first out',
    [{ ...genesys, alarmTopicArn: arn('sns', 'on-call.fifo') }],
    'tokens[0].alarmTopicArn: "arn:aws:sns:eu-central-1:111122223333:on-call.fifo" is not the ARN of a standard SNS topic (arn:aws:sns:<region>:<account>:<name>)',
  ],
  [
    'topic of another region',
    [{ ...genesys, alarmTopicArn: arn('sns', 'on-call', { region: 'eu-west-1' }) }],
    'tokens[0].alarmTopicArn: "arn:aws:sns:eu-west-1:111122223333:on-call" lies in region eu-west-1 (the stack is in eu-central-1); CloudWatch notifies only topics of its own account and region; name one of those, or set alarmEmail',
  ],
  [
    'topic of another account',
    [{ ...genesys, alarmTopicArn: arn('sns', 'on-call', { account: '999900001111' }) }],
    'tokens[0].alarmTopicArn: "arn:aws:sns:eu-central-1:999900001111:on-call" lies in account 999900001111 (the stack is in 111122223333); CloudWatch notifies only topics of its own account and region; name one of those, or set alarmEmail',
  ],
  [
    'reader no text',
    [{ ...genesys, readers: [7] }],
    'tokens[0].readers[0]: 7 is neither the ARN of a role nor an object with oidcProvider and subject',
  ],
  [
    'reader of IAM Identity Center',
    [{ ...genesys, readers: [role('aws-reserved/sso.amazonaws.com/AWSReservedSSO_Dev_0123456789abcdef')] }],
    'tokens[0].readers[0]: "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaw… is a role that AWS manages, and IAM attaches no policy to it; name a role of your own, or give the permission set the permissions of a reader (docs/stack.md)',
  ],
  [
    'reader that is linked to a service',
    [{ ...genesys, readers: [role('aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS')] }],
    'tokens[0].readers[0]: "arn:aws:iam::111122223333:role/aws-service-role/ecs.amaz… is a role that AWS manages, and IAM attaches no policy to it; name a role of your own, or give the permission set the permissions of a reader (docs/stack.md)',
  ],
  [
    'reader of another partition',
    [{ ...genesys, readers: ['arn:aws-cn:iam::999900001111:role/ci'] }],
    'tokens[0].readers[0]: "arn:aws-cn:iam::999900001111:role/ci" lies in partition aws-cn (the stack is in aws); IAM lets roles of its own partition in only; name one of those',
  ],
  [
    'reader role with a long name',
    [{ ...genesys, readers: [role('x'.repeat(65))] }],
    'tokens[0].readers[0]: "arn:aws:iam::111122223333:role/xxxxxxxxxxxxxxxxxxxxxxxxx… is not the ARN of an IAM role (arn:aws:iam::<account>:role/<name>)',
  ],
  [
    'reader role with an empty path',
    [{ ...genesys, readers: [role('ci//build')] }],
    'tokens[0].readers[0]: "arn:aws:iam::111122223333:role/ci//build" is not the ARN of an IAM role (arn:aws:iam::<account>:role/<name>)',
  ],
  [
    'reader by OIDC without a subject',
    [{ ...genesys, readers: [{ oidcProvider: 'gitlab.com' }] }],
    'tokens[0].readers[0].subject: is missing; set it to the sub of the jobs’ tokens',
  ],
  [
    'reader by OIDC with a wildcard for everybody',
    [{ ...genesys, readers: [{ oidcProvider: GITHUB, subject: 'repo:org*' }] }],
    'tokens[0].readers[0].subject: "repo:org*" does not say whose jobs it admits: a subject of GitHub begins with repo:<owner>/, and a wildcard may only follow that',
  ],
  [
    'reader by OIDC with a setting nearly right',
    [
      {
        ...genesys,
        readers: [{ oidcProvider: GITHUB, subject: 'repo:org/repo:ref:refs/heads/main', audiance: 'x' }],
      },
    ],
    'tokens[0].readers[0].audiance: is not a setting; did you mean "audience"?',
  ],
  [
    'reader by a URL',
    [{ ...genesys, readers: [{ oidcProvider: `https://${GITHUB}`, subject: 'repo:org/repo:*' }] }],
    'tokens[0].readers[0].oidcProvider: "https://token.actions.githubusercontent.com" is not the URL of an OIDC provider without https://, port, query and slash at the end (token.actions.githubusercontent.com)',
  ],
  [
    'VPC no text',
    [{ ...genesys, vpcId: 1 }],
    'tokens[0].vpcId: 1 is not the id of a VPC (vpc- and 8 or 17 hexadecimal digits)',
  ],
  [
    'subnets no list',
    [{ ...vpc, subnetIds: 'subnet-0123456789abcdef0' }],
    'tokens[0].subnetIds: "subnet-0123456789abcdef0" is not a list of 1 to 16, each the id of a subnet (subnet- and 8 or 17 hexadecimal digits)',
  ],
  [
    'no subnet',
    [{ ...vpc, subnetIds: [] }],
    'tokens[0].subnetIds: [] is not a list of 1 to 16, each the id of a subnet (subnet- and 8 or 17 hexadecimal digits)',
  ],
  [
    '17 subnets',
    [
      {
        ...vpc,
        subnetIds: Array.from(
          { length: 17 },
          (_, index) => `subnet-0123456789abcde${index.toString(16).padStart(2, '0')}`,
        ),
      },
    ],
    'tokens[0].subnetIds: ["subnet-0123456789abcde00","subnet-0123456789abcde01","s… is not a list of 1 to 16, each the id of a subnet (subnet- and 8 or 17 hexadecimal digits)',
  ],
  [
    'subnet of another kind',
    [{ ...vpc, subnetIds: ['vpc-0123456789abcdef0'] }],
    'tokens[0].subnetIds[0]: "vpc-0123456789abcdef0" is not the id of a subnet (subnet- and 8 or 17 hexadecimal digits)',
  ],
  [
    'subnet twice',
    [{ ...vpc, subnetIds: ['subnet-01234567', 'subnet-01234567'] }],
    'tokens[0].subnetIds[1]: "subnet-01234567" is listed twice',
  ],
  [
    'subnets without a VPC',
    [{ ...genesys, subnetIds: ['subnet-01234567'] }],
    'tokens[0].subnetIds: is set without vpcId; set the VPC that they belong to, or remove it',
  ],
  [
    'security group no id',
    [{ ...vpc, securityGroupIds: ['default'] }],
    'tokens[0].securityGroupIds[0]: "default" is not the id of a security group (sg- and 8 or 17 hexadecimal digits)',
  ],
  [
    'six security groups',
    [{ ...vpc, securityGroupIds: [0, 1, 2, 3, 4, 5].map((one) => `sg-0123456${one}`) }],
    'tokens[0].securityGroupIds: ["sg-01234560","sg-01234561","sg-01234562","sg-01234563",… is not a list of 1 to 5, each the id of a security group (sg- and 8 or 17 hexadecimal digits)',
  ],
  [
    'security groups without a VPC',
    [{ ...genesys, securityGroupIds: ['sg-01234567'] }],
    'tokens[0].securityGroupIds: is set without vpcId; set the VPC that they belong to, or remove it',
  ],
  [
    'tags as a list',
    [{ ...genesys, tags: [{ Key: 'team', Value: 'x' }] }],
    'tokens[0].tags: [{"Key":"team","Value":"x"}] is not an object of texts: {"team": "contact-centre"}',
  ],
  ['no tag', [{ ...genesys, tags: {} }], 'tokens[0].tags: 0 tags are not 1 to 50'],
  [
    '51 tags',
    [
      {
        ...genesys,
        tags: Object.fromEntries(Array.from({ length: 51 }, (_, index) => [`tag-${index}`, ''])),
      },
    ],
    'tokens[0].tags: 51 tags are not 1 to 50',
  ],
  [
    'tag of AWS’s own',
    [{ ...genesys, tags: { 'AWS:team': 'x' } }],
    'tokens[0].tags.AWS:team: begins with "aws:", which AWS reserves',
  ],
  [
    'tag with a wrong key',
    [{ ...genesys, tags: { 'team*': 'x' } }],
    `tokens[0].tags.team*: is not a tag's key: 1 to 128 letters, digits, spaces and _.:/=+-@`,
  ],
  [
    'tag with a long key',
    [{ ...genesys, tags: { ['x'.repeat(129)]: 'x' } }],
    `tokens[0].tags.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: is not a tag's key: 1 to 128 letters, digits, spaces and _.:/=+-@`,
  ],
  [
    'tag with a wrong value',
    [{ ...genesys, tags: { team: 'a;b' } }],
    `tokens[0].tags.team: "a;b" is not a tag's value: a text of up to 256 letters, digits, spaces and _.:/=+-@`,
  ],
  [
    'tag with a long value',
    [{ ...genesys, tags: { team: 'x'.repeat(257) } }],
    `tokens[0].tags.team: "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx… is not a tag's value: a text of up to 256 letters, digits, spaces and _.:/=+-@`,
  ],
  [
    'tag with a number',
    [{ ...genesys, tags: { 'cost-centre': 4711 } }],
    `tokens[0].tags.cost-centre: 4711 is not a tag's value: a text of up to 256 letters, digits, spaces and _.:/=+-@`,
  ],
  [
    'tags that differ in case',
    [{ ...genesys, tags: { Team: 'x', team: 'x' } }],
    'tokens[0].tags.team: differs from "Team" in upper and lower case only',
  ],
  [
    'retention that CloudWatch Logs does not have',
    [{ ...genesys, logRetention: 31 }],
    'tokens[0].logRetention: 31 is not a number of days that CloudWatch Logs keeps: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653',
  ],
  [
    'retention a text',
    [{ ...genesys, logRetention: '30' }],
    'tokens[0].logRetention: "30" is not a number of days that CloudWatch Logs keeps: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653',
  ],
  [
    'log key, no key',
    [{ ...genesys, logEncryptionKeyArn: 'alias/logs' }],
    'tokens[0].logEncryptionKeyArn: "alias/logs" is not the ARN of a KMS key (arn:aws:kms:<region>:<account>:key/<id>); an alias cannot be granted',
  ],
  [
    'log key of another region',
    [{ ...genesys, logEncryptionKeyArn: arn('kms', KEY, { region: 'eu-west-1' }) }],
    'tokens[0].logEncryptionKeyArn: "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-433… lies in region eu-west-1 (the stack is in eu-central-1); CloudWatch Logs encrypts with a key of its own account and region; name one of those',
  ],
  [
    'FIPS by a text',
    [{ ...genesys, fipsEndpoints: 'true' }],
    'tokens[0].fipsEndpoints: "true" is not true or false',
  ],
  [
    'FIPS in Europe',
    [{ ...genesys, fipsEndpoints: true }],
    'tokens[0].fipsEndpoints: eu-central-1 has none: AWS has FIPS endpoints in regions of the USA and Canada only; remove it, or deploy there',
  ],
  [
    'setting nearly right',
    [{ ...genesys, alarmEmial: 'a@example.com' }],
    'tokens[0].alarmEmial: is not a setting; did you mean "alarmEmail"?',
  ],
  ['setting unknown', [{ ...genesys, colour: 'red' }], 'tokens[0].colour: is not a setting'],
];

/** The same for what stands beside the tokens in the context. */
export const WRONG_CONTEXT: readonly (readonly [
  what: string,
  context: Readonly<Record<string, unknown>>,
  message: string,
])[] = [
  [
    'OIDC providers as a text',
    { createOidcProviders: GITHUB },
    'createOidcProviders: "token.actions.githubusercontent.com" is not a list like ["token.actions.githubusercontent.com"]',
  ],
  [
    'an OIDC provider of no reader',
    { createOidcProviders: [GITHUB] },
    'createOidcProviders[0]: "token.actions.githubusercontent.com" is the oidcProvider of no reader; remove it',
  ],
  ['a flag as a text', { dashboard: 'yes' }, 'dashboard: "yes" is not true or false'],
  ['a flag as a number', { terminationProtection: 1 }, 'terminationProtection: 1 is not true or false'],
  [
    'a stack name that CloudFormation refuses',
    { stackName: 'a_b' },
    'stackName: "a_b" is not a name of 1 to 128 letters, digits and "-" that begins with a letter',
  ],
  [
    'a stack name that is too long',
    { stackName: 'x'.repeat(129) },
    'stackName: "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx… is not a name of 1 to 128 letters, digits and "-" that begins with a letter',
  ],
  [
    'a stack name that is no text',
    { stackName: null },
    'stackName: null is not a name of 1 to 128 letters, digits and "-" that begins with a letter',
  ],
  [
    'a file that is not there',
    { tokensFile: 'test/no-such.json' },
    'tokensFile: "no-such.json" cannot be read (ENOENT)',
  ],
  ['a file that is no JSON', { tokensFile: 'LICENSE' }, `LICENSE: is not JSON (Unexpected token 'A')`],
  ['a file that is no text', { tokensFile: true }, 'tokensFile: true is not the path of a JSON file'],
  [
    'a file beside tokens on the command line',
    { tokensFile: 'team.json', tokens: '[]' },
    'tokensFile: is set beside tokens on the command line; set one of them',
  ],
  [
    'a setting that is nearly right',
    { dashbord: true },
    'dashbord: is not a setting; did you mean "dashboard"?',
  ],
  ['tokens that are nearly right', { token: [] }, 'token: is not a setting; did you mean "tokens"?'],
];

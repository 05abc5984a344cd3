import * as z from 'zod';
import {
  ENDPOINT_URL_RULE,
  GENESYS_DOMAINS,
  isEndpointUrl,
  NICE_CXONE_AREA,
  type ProviderName,
  type ProviderSettings,
} from '../../lambda/contract.ts';
import { nearest, show } from './messages.ts';
import { choice, flag, must, object, type Problem, text, textThat } from './rule.ts';

type SettingsOf<N extends ProviderName> = Omit<Extract<ProviderSettings, { provider: N }>, 'provider'>;

/** The rules of one provider's settings. */
interface ProviderRules<S> {
  /** Each setting; its description is its row in docs/stack.md, and what an editor shows. */
  readonly settings: { readonly [K in keyof S]-?: z.ZodType<S[K]> };
  /** Problems of settings that do not go together, as they are written; an object for one that only the deployment knows. */
  readonly together?: (written: { readonly [K in keyof S]?: unknown }) => readonly Problem[];
  /** The lifetime of its tokens, in minutes: the shortest that can be configured at the provider, and the default. */
  readonly lifetime: { readonly least: number; readonly default: number };
  /** The fewest settings that are complete, for each set of keys that the secret may hold. */
  readonly examples: readonly S[];
  /** Whether its file in lambda/providers/ says how a client's secret is renewed: the token may have `rotation`. */
  readonly renewsSecrets?: true;
}

const url = () => textThat(must(ENDPOINT_URL_RULE), isEndpointUrl);

const LABEL = '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?';
/** A domain name in lower case, with or without a port. */
const DOMAIN = `(${LABEL}(\\.${LABEL})+|localhost)(:\\d{1,5})?`;
/** A name of this pattern, or a domain. */
const host = (rule: ReturnType<typeof must>, name: string) =>
  textThat(rule, (value) => URL.canParse(`https://${value}`)).regex(
    new RegExp(`^(${name}|${DOMAIN})$`),
    rule,
  );

const line = () =>
  text(
    'a text of 1 to 2,000 characters without control characters, and without white space at either end',
    /^(?=.{1,2000}$)[^\p{Cc}\s]([^\p{Cc}]*[^\p{Cc}\s])?$/u,
  );

const scope = text(
  'a list of scopes, each of ASCII characters without quotation mark and backslash, with one space between (RFC 6749 section 3.3), of 1 to 2,000 characters',
  /^(?=.{1,2000}$)[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*$/,
);

/** @see RFC 8707 section 2 */
const URI = must('an absolute URI without fragment and white space, nor a list of them');
const uri = textThat(URI, (value) => URL.canParse(value) && !/[#\s]/.test(value));

/** Form parameters that the request sets itself, or that have their own setting: a duplicate would be ambiguous. */
const OWN_PARAMETERS = [
  ...['grant_type', 'client_id', 'client_secret', 'client_assertion', 'client_assertion_type'],
  ...['scope', 'audience', 'resource'],
];

const REGIONS = Object.keys(GENESYS_DOMAINS);
const REGION = must(
  `a region of Genesys Cloud (${REGIONS.join(', ')}), or a domain like "mypurecloud.de"`,
  REGIONS,
);

/** Every provider's settings, each with its limits. CONTRIBUTING.md says how to add a provider. */
export const PROVIDER_RULES: { readonly [N in ProviderName]: ProviderRules<SettingsOf<N>> } = {
  'genesys-cloud': {
    settings: {
      region: host(REGION, REGIONS.join('|'))
        .meta({ examples: REGIONS })
        .describe('an AWS region name (`eu-central-1`), or a domain (`mypurecloud.de`); required'),
      allowUnlistedDomain: flag()
        .optional()
        .describe('true lets `region` be a domain that is not in the list; default false'),
    },
    together: ({ region, allowUnlistedDomain = false }) =>
      allowUnlistedDomain === false ? unlistedDomain(region) : [],
    // The client's "Token Duration": 300 to 172,800 seconds, 86,400 by default.
    lifetime: { least: 5, default: 24 * 60 },
    examples: [{ region: 'eu-central-1' }],
    renewsSecrets: true,
  },
  'nice-cxone': {
    settings: {
      issuer: url().optional().describe('https URL; default `https://cxone.niceincontact.com`'),
    },
    lifetime: { least: 2, default: 60 },
    examples: [{}],
  },
  'nice-cxone-access-key': {
    settings: {
      area: host(
        must('an area of CXone like "na1" or "eu1", or a domain like "na1.nice-incontact.com"'),
        NICE_CXONE_AREA,
      ).describe('`na1`, `eu1`, …, or a domain; required'),
    },
    lifetime: { least: 2, default: 60 },
    examples: [{ area: 'na1' }],
  },
  oauth2: {
    settings: {
      tokenUrl: url().optional().describe('https URL; this or `issuer`'),
      issuer: url()
        .refine((value) => !value.includes('/.well-known/'), {
          error: ({ input }) =>
            `${show(input)} is the URL of the discovery document; remove /.well-known/ and the rest`,
        })
        // RFC 8414 section 2
        .refine((value) => !value.includes('?'), {
          error: ({ input }) => `${show(input)} has a query, which an issuer cannot have; remove it`,
        })
        .optional()
        .describe('https URL without query, the base of discovery; this or `tokenUrl`'),
      clientAuthentication: choice(['client_secret_basic', 'client_secret_post', 'private_key_jwt'])
        .optional()
        .describe(
          '`client_secret_basic`, `client_secret_post`, `private_key_jwt`; default `client_secret_basic`',
        ),
      assertionAudience: line()
        .optional()
        .describe(
          'the `aud` of the signed assertion (`private_key_jwt`); default the issuer, without one the token endpoint',
        ),
      scope: scope.optional().describe('space-separated; default none'),
      audience: line().optional().describe('text; default none'),
      resource: z
        .union([uri, z.array(uri, URI).min(1, URI)], URI)
        .optional()
        .describe('an absolute URI, or a list of them (RFC 8707); default none'),
      parameters: z
        .record(
          z.string().refine((key) => !OWN_PARAMETERS.includes(key), {
            error: 'is set by the token request itself; remove it here',
          }),
          z.string(must('a text')),
          must('an object of texts'),
        )
        .optional()
        .describe('further form parameters, as an object of texts; default none'),
      probeUrl: url()
        .optional()
        .describe(
          'https URL that answers 2xx to a `GET` with a good token, 401 with a bad one; default none',
        ),
      secretKeys: object(
        { client_id: keyName(), client_secret: keyName(), private_key: keyName() },
        'an object of the keys client_id, client_secret, private_key and the names that the secret has for them',
      )
        .optional()
        .describe(
          'the names that the secret has for `client_id`, `client_secret`, `private_key`; default these',
        ),
    },
    together: oauth2Together,
    lifetime: { least: 2, default: 60 },
    examples: [
      { tokenUrl: 'https://id.example.com/token' },
      { issuer: 'https://id.example.com', clientAuthentication: 'private_key_jwt' },
    ],
  },
};

/** The name of a key in the secret's JSON. */
function keyName() {
  return text("a key of the secret's JSON: 1 to 64 letters, digits, _, - or .", /^[\w.-]{1,64}$/).optional();
}

/** The client secret is sent to `login.{domain}`: a mistyped domain must not receive it. */
function unlistedDomain(written: unknown): Problem[] {
  const domains = Object.values(GENESYS_DOMAINS);
  if (typeof written !== 'string' || Object.hasOwn(GENESYS_DOMAINS, written) || domains.includes(written))
    return [];
  return [
    {
      path: 'region',
      message: `${show(written)} is not a known domain of Genesys Cloud; the nearest is "${nearest(written, domains)}". If it is the domain of a new region, set allowUnlistedDomain to true`,
    },
  ];
}

function oauth2Together(written: Readonly<Partial<Record<string, unknown>>>): Problem[] {
  const { tokenUrl, issuer, clientAuthentication, assertionAudience, secretKeys } = written;
  const problems: Problem[] = [];
  if ((tokenUrl === undefined) === (issuer === undefined)) {
    const found = issuer === undefined ? 'is missing, and so is issuer' : 'is set beside issuer';
    const message = `${found}; set one of them: tokenUrl, or issuer to discover it`;
    problems.push({ path: 'tokenUrl', message });
  }
  const isOther = clientAuthentication === undefined || typeof clientAuthentication === 'string';
  if (assertionAudience !== undefined && isOther && clientAuthentication !== 'private_key_jwt') {
    const message = 'is for clientAuthentication private_key_jwt only; remove it';
    problems.push({ path: 'assertionAudience', message });
  }
  const names = Object.values(Object(secretKeys));
  if (new Set(names).size < names.length) {
    const message = 'gives two values the same name; each value of the secret has a name of its own';
    problems.push({ path: 'secretKeys', message });
  }
  return problems;
}

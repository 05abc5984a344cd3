import type { Assembly, Resource } from './cloud-assembly.ts';

/** The region and account for resolved references. */
export interface TemplatePlace {
  readonly region: string;
  readonly accountId: string;
  /** @default 'aws' */
  readonly partition?: string;
  /** ARN of a secret that the stack creates. @default made of the logical id */
  readonly secretArn?: (logicalId: string) => string;
}

/** Resolves CloudFormation's intrinsic functions. */
export interface Resolver {
  /** Replaces each intrinsic function in a value. @throws Error on one that is not supported */
  resolve(value: unknown): unknown;
  /** What `Ref` gives for a resource or pseudo parameter. */
  ref(name: string): string;
  /** What `Fn::GetAtt` gives. */
  attribute(logicalId: string, name: string): string;
}

/** Makes a resolver for one template: names and ARNs as AWS would make them in `place`. */
export function createResolver(assembly: Assembly, place: TemplatePlace): Resolver {
  const { region, accountId, partition = 'aws' } = place;
  const pseudo: Readonly<Record<string, string>> = {
    'AWS::Region': region,
    'AWS::AccountId': accountId,
    'AWS::Partition': partition,
    'AWS::URLSuffix': 'amazonaws.com',
    'AWS::StackName': assembly.stackName,
    'AWS::StackId': `arn:${partition}:cloudformation:${region}:${accountId}:stack/${assembly.stackName}/0`,
  };
  const arn = (service: string, rest: string): string =>
    `arn:${partition}:${service}:${region}:${accountId}:${rest}`;
  const secretArn =
    place.secretArn ??
    ((id: string) => arn('secretsmanager', `secret:${id}-${id.slice(-6).padStart(6, '0')}`));

  const resolver: Resolver = {
    ref(name) {
      const value = pseudo[name];
      if (value !== undefined) return value;
      const resource = find(name);
      switch (resource.Type) {
        case 'AWS::SecretsManager::Secret':
          return secretArn(name);
        case 'AWS::SNS::Topic':
          return arn('sns', physicalName(name, resource));
        default:
          return physicalName(name, resource);
      }
    },
    attribute(logicalId, name) {
      const resource = find(logicalId);
      const physical = physicalName(logicalId, resource);
      switch (`${resource.Type}.${name}`) {
        case 'AWS::Lambda::Function.Arn':
          return arn('lambda', `function:${physical}`);
        case 'AWS::Logs::LogGroup.Arn':
          return arn('logs', `log-group:${physical}:*`);
        case 'AWS::IAM::Role.Arn':
          return `arn:${partition}:iam::${accountId}:role/${physical}`;
        case 'AWS::Events::Rule.Arn':
          return arn('events', `rule/${physical}`);
        case 'AWS::EC2::SecurityGroup.GroupId':
          return `sg-${logicalId}`;
        default:
          throw new Error(`The attribute ${name} of ${logicalId} (${resource.Type}) is not supported.`);
      }
    },
    resolve(value) {
      if (Array.isArray(value)) return value.map((one) => resolver.resolve(one));
      if (typeof value !== 'object' || value === null) return value;
      const entries = Object.entries(value);
      const [first] = entries;
      if (entries.length === 1 && first !== undefined && isIntrinsic(first[0]))
        return call(first[0], first[1]);
      return Object.fromEntries(entries.map(([key, one]) => [key, resolver.resolve(one)]));
    },
  };
  return resolver;

  function find(logicalId: string): Resource {
    const resource = assembly.template.Resources[logicalId];
    if (resource === undefined) throw new Error(`The template has no ${logicalId}.`);
    return resource;
  }

  function physicalName(logicalId: string, resource: Resource): string {
    const named = Object.entries(resource.Properties ?? {}).find(([key]) =>
      NAME_PROPERTIES.includes(key),
    )?.[1];
    return named === undefined ? `${assembly.stackName}-${logicalId}` : String(resolver.resolve(named));
  }

  function call(name: string, input: unknown): unknown {
    switch (name) {
      case 'Ref':
        return resolver.ref(String(input));
      case 'Fn::GetAtt': {
        const [logicalId = '', attribute = ''] = input as string[];
        return resolver.attribute(logicalId, attribute);
      }
      case 'Fn::Join': {
        const [separator, parts] = input as [string, unknown[]];
        return (resolver.resolve(parts) as unknown[]).join(separator);
      }
      case 'Fn::Sub':
        return String(input).replace(/\$\{([^}]+)\}/g, (_, reference: string) => resolver.ref(reference));
      default:
        throw new Error(`The intrinsic function ${name} is not supported.`);
    }
  }
}

const NAME_PROPERTIES = ['FunctionName', 'RoleName', 'LogGroupName', 'TopicName'];

function isIntrinsic(key: string): boolean {
  return key === 'Ref' || key.startsWith('Fn::');
}

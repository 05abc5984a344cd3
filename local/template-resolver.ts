import type { Place } from './aws/operation.ts';
import type { Assembly, Resource } from './cloud-assembly.ts';

/** The region and account for resolved references. */
export const LOCAL_PLACE: Place = { region: 'eu-central-1', accountId: '111122223333' };

/** Resolves the intrinsic functions of one template: names and ARNs as AWS would make them in {@link LOCAL_PLACE}. */
export function createResolver({ stackName, template }: Assembly) {
  const { region, accountId } = LOCAL_PLACE;
  const pseudo: Readonly<Record<string, string>> = {
    'AWS::Region': region,
    'AWS::AccountId': accountId,
    'AWS::Partition': 'aws',
    'AWS::URLSuffix': 'amazonaws.com',
    'AWS::StackName': stackName,
    'AWS::StackId': `arn:aws:cloudformation:${region}:${accountId}:stack/${stackName}/0`,
  };
  const arn = (service: string, rest: string): string => `arn:aws:${service}:${region}:${accountId}:${rest}`;

  return { resolve, ref, attribute };

  /** Replaces each intrinsic function in a value. @throws Error on one that is not supported */
  function resolve(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(resolve);
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value);
    const [name = '', input] = entries[0] ?? [];
    if (entries.length === 1 && (name === 'Ref' || name.startsWith('Fn::'))) return call(name, input);
    return Object.fromEntries(entries.map(([key, one]) => [key, resolve(one)]));
  }

  /** What `Ref` gives for a resource or pseudo parameter. */
  function ref(name: string): string {
    const value = pseudo[name];
    if (value !== undefined) return value;
    const { Type } = find(name);
    if (Type === 'AWS::SecretsManager::Secret')
      return arn('secretsmanager', `secret:${name}-${name.slice(-6).padStart(6, '0')}`);
    return Type === 'AWS::SNS::Topic' ? arn('sns', physicalName(name)) : physicalName(name);
  }

  /** What `Fn::GetAtt` gives. */
  function attribute(logicalId: string, name: string): string {
    const physical = physicalName(logicalId);
    switch (`${find(logicalId).Type}.${name}`) {
      case 'AWS::Lambda::Function.Arn':
        return arn('lambda', `function:${physical}`);
      case 'AWS::Logs::LogGroup.Arn':
        return arn('logs', `log-group:${physical}:*`);
      case 'AWS::IAM::Role.Arn':
        return `arn:aws:iam::${accountId}:role/${physical}`;
      case 'AWS::Events::Rule.Arn':
        return arn('events', `rule/${physical}`);
      case 'AWS::EC2::SecurityGroup.GroupId':
        return `sg-${logicalId}`;
      default:
        throw new Error(`The attribute ${name} of ${logicalId} is not supported.`);
    }
  }

  function find(logicalId: string): Resource {
    const resource = template.Resources[logicalId];
    if (resource === undefined) throw new Error(`The template has no ${logicalId}.`);
    return resource;
  }

  function physicalName(logicalId: string): string {
    const properties = Object.entries(find(logicalId).Properties ?? {});
    const named = properties.find(([key]) => NAME_PROPERTIES.includes(key))?.[1];
    return named === undefined ? `${stackName}-${logicalId}` : String(resolve(named));
  }

  function call(name: string, input: unknown): unknown {
    switch (name) {
      case 'Ref':
        return ref(String(input));
      case 'Fn::GetAtt': {
        const [logicalId = '', of = ''] = input as string[];
        return attribute(logicalId, of);
      }
      case 'Fn::Join': {
        const [separator, parts] = input as [string, unknown[]];
        return (resolve(parts) as unknown[]).join(separator);
      }
      case 'Fn::Sub':
        return String(input).replace(/\$\{([^}]+)\}/g, (_, reference: string) => ref(reference));
      default:
        throw new Error(`The intrinsic function ${name} is not supported.`);
    }
  }
}

const NAME_PROPERTIES = ['FunctionName', 'RoleName', 'LogGroupName', 'TopicName'];

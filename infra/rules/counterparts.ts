/** Settings of tokens.json that the construct takes in another form: the setting, the construct's prop, how it is made. */
const COUNTERPARTS = [
  ['name', 'tokenName'],
  ['prefix', 'parameterPrefix'],
  ['secretName', 'secret', 'Secret.fromSecretNameV2(…)'],
  ['secretArn', 'secret', 'Secret.fromSecretCompleteArn(…)'],
  ['secretEncryptionKeyArn', 'secret', 'Secret.fromSecretAttributes(…) with its encryptionKey'],
  ['encryptionKeyArn', 'encryptionKey', 'Key.fromKeyArn(…)'],
  ['logEncryptionKeyArn', 'logEncryptionKey', 'Key.fromKeyArn(…)'],
  ['alarmEmail', 'alarmTopic', 'a Topic with an EmailSubscription'],
  ['alarmTopicArn', 'alarmTopic', 'Topic.fromTopicArn(…)'],
  ['readers', 'grants', 'refresher.grants.read(role) and refresher.grants.refresh(role)'],
  ['vpcId', 'vpc', 'Vpc.fromLookup(…)'],
  ['subnetIds', 'vpcSubnets', '{ subnets: […] }'],
  ['securityGroupIds', 'securityGroups', 'SecurityGroup.fromSecurityGroupId(…)'],
] as const;

/** Says of a prop that the construct does not have what it is called there; undefined: it is no setting either. */
export function propOfSetting(key: string): string | undefined {
  const [, prop, how] = COUNTERPARTS.find(([setting]) => setting === key) ?? [];
  if (prop === undefined) return undefined;
  return `is a setting of tokens.json; here it is ${prop}${how === undefined ? '' : `: ${how}`}`;
}

/** Says of a setting that tokens.json does not have what it is called there; undefined: it is no prop either. */
export function settingOfProp(key: string): string | undefined {
  const settings = COUNTERPARTS.flatMap(([setting, prop]) => (prop === key ? setting : []));
  return settings.length === 0
    ? undefined
    : `is a prop of the construct; here it is ${settings.join(' or ')}`;
}
